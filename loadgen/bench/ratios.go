package main

import (
	"fmt"
	"os"
	"slices"
)

// variant is one contender.
type variant struct {
	name string
	op   []string // flags of the mock OP
	run  func(file, base string) (usage, error)
}

// ratios compares how many requests a CPU second buys.
func (s settings) ratios() error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	length := s.length.String()
	list := []variant{
		{"raw Vegeta library", nil, func(_, base string) (usage, error) {
			return counted(nil, self, "raw", "-url", base+"/token", "-length", length)
		}},
		{"raw Vegeta, fast transport", nil, func(_, base string) (usage, error) {
			return counted(nil, self, "raw", "-url", base+"/token", "-length", length, "-fast")
		}},
		{"cibatest, 4000 flows", nil, s.agents("4000", "http")},
		{"cibatest fast, 16000 flows", nil, s.agents("16000", "fast")},
	}
	if s.k6 != "" {
		k6 := func(flows string) func(_, base string) (usage, error) {
			return func(_, base string) (usage, error) {
				env := []string{"BASE=" + base, "INTERVAL=" + fmt.Sprint(interval), "VUS=" + flows, "LENGTH=" + length}
				return counted(env, s.k6, "run", "-q", "--no-usage-report", s.script)
			}
		}
		list = append(list, variant{"k6, 1000 flows", nil, k6("1000")}, variant{"k6, 4000 flows", nil, k6("4000")},
			variant{"cibatest fast, 4000 flows", nil, s.agents("4000", "fast")})
	}
	rounds, err := s.interleaved(list)
	if err != nil {
		return err
	}
	printRatios(list, rounds)
	return nil
}

// agents are flows in a closed loop, as many as a core can drive.
func (s settings) agents(n, transport string) func(file, _ string) (usage, error) {
	return func(file, _ string) (usage, error) {
		return s.load(file, "--agents", n, "--duration", s.length.String(), "--max-workers", fmt.Sprint(workers), "--transport", transport)
	}
}

// overTLS tells what encryption costs the generator.
func (s settings) overTLS() error {
	list := []variant{
		{"cibatest", nil, s.agents("4000", "http")},
		{"cibatest over TLS", []string{"-tls"}, s.agents("4000", "http")},
		{"cibatest fast", nil, s.agents("4000", "fast")},
		{"cibatest fast over TLS", []string{"-tls"}, s.agents("4000", "fast")},
	}
	rounds, err := s.interleaved(list)
	if err != nil {
		return err
	}
	printVariants(list, rounds)
	ratio("TLS / plain, http", "", rounds, efficiency(1, 0))
	ratio("TLS / plain, fast", "", rounds, efficiency(3, 2))
	ratio("fast / http, both over TLS", "", rounds, efficiency(3, 1))
	return nil
}

// interleaved runs all variants in turn, round after round.
func (s settings) interleaved(list []variant) ([][]usage, error) {
	rounds := make([][]usage, s.rounds)
	for i := range rounds {
		for _, v := range list {
			file, base, stop, err := s.op(v.op...)
			if err != nil {
				return nil, err
			}
			u, err := v.run(file, base)
			stop()
			if err != nil {
				return nil, fmt.Errorf("%s: %w", v.name, err)
			}
			fmt.Fprintf(os.Stderr, "round %d: %-28s %8.0f requests a CPU second, %d MiB\n", i+1, v.name, u.perCPUSecond(), u.rss>>20)
			rounds[i] = append(rounds[i], u)
		}
	}
	return rounds, nil
}

// printRatios prints what is to be reached.
func printRatios(list []variant, rounds [][]usage) {
	printVariants(list, rounds)
	ratio("cibatest / raw Vegeta", ">= 0.80", rounds, efficiency(2, 0))
	ratio("cibatest fast / raw Vegeta", ">= 1.5", rounds, efficiency(3, 0))
	if len(list) > 4 {
		ratio("cibatest / k6, 4000 flows each", ">= 5", rounds, efficiency(2, 5))
		ratio("cibatest fast / k6, 4000 flows each", ">= 10", rounds, efficiency(6, 5))
		ratio("cibatest / k6 with 1000 flows, where k6 is best", "", rounds, efficiency(2, 4))
		ratio("cibatest fast / k6 with 1000 flows", "", rounds, efficiency(3, 4))
		ratio("memory, 4000 flows each: cibatest / k6", "<= 0.1", rounds, memory(2, 5))
		ratio("memory, 4000 flows each: cibatest fast / k6", "<= 0.1", rounds, memory(6, 5))
	}
}

// efficiency and memory compare two variants, by their place in the list.
func efficiency(a, b int) func([]usage) float64 {
	return func(r []usage) float64 { return r[a].perCPUSecond() / r[b].perCPUSecond() }
}

func memory(a, b int) func([]usage) float64 {
	return func(r []usage) float64 { return float64(r[a].rss) / float64(r[b].rss) }
}

func printVariants(list []variant, rounds [][]usage) {
	fmt.Printf("\n%-28s %24s %12s\n", "one core each, medians", "requests per CPU second", "peak MiB")
	for i, v := range list {
		fmt.Printf("%-28s %24s %12s\n", v.name, across(rounds, func(r []usage) float64 { return r[i].perCPUSecond() }, "%.0f"),
			across(rounds, func(r []usage) float64 { return float64(r[i].rss) / (1 << 20) }, "%.0f"))
	}
	fmt.Printf("\n%-52s %8s  %s\n", "ratios within a round", "", "goal")
}

func ratio(text, goal string, rounds [][]usage, value func([]usage) float64) {
	fmt.Printf("%-52s %s  %s\n", text, across(rounds, value, "%.2f"), goal)
}

// across is the median of a value over the rounds, with its range.
func across(rounds [][]usage, value func([]usage) float64, format string) string {
	var values []float64
	for _, r := range rounds {
		values = append(values, value(r))
	}
	slices.Sort(values)
	return fmt.Sprintf(format+" ["+format+".."+format+"]", values[len(values)/2], values[0], values[len(values)-1])
}
