package main

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/cibatest/cibatest/reports/result"
)

// reference measures the reference OP: how many flows a core of it takes, so that
// readers of a run against it know who was the limit. A flow is a request, a
// decision and the poll that redeems it.
func (s settings) reference() error {
	fmt.Printf("\n%-48s %16s %12s %12s\n", "reference OP with its device, one core", "flows/CPU-s", "flows/s", "redeem p50")
	for _, c := range []struct{ client, words string }{
		{"basic-a", "client_secret_basic, ID tokens by RS256"},
		{"jwt-a", "private_key_jwt, ID tokens by ES256"},
	} {
		if err := s.capacity(c.client, c.words); err != nil {
			return err
		}
	}
	return nil
}

func (s settings) capacity(client, words string) error {
	folder := filepath.Join(s.folder, "reference-"+client)
	cmd := onFirstCore(s.cibatest, "op", "--interval", "1s", "--write-target", folder)
	cmd.Stderr = nil // it invites to decide by hand
	if err := cmd.Start(); err != nil {
		return err
	}
	file := filepath.Join(folder, "targets", "reference.yaml")
	_, err := issuerIn(file)
	var u usage
	if err == nil {
		u, err = s.load(file, "--client", client, "--agents", "1000", "--mix", "approve=100", "--think", "fixed:10ms",
			"--duration", s.length.String(), "--max-workers", fmt.Sprint(workers), "--max-lag", "1h", "--transport", "fast", "--drain", "5s")
	}
	_ = cmd.Process.Signal(os.Interrupt)
	_ = cmd.Wait()
	if err != nil {
		return err
	}
	flows := float64(u.load.Counters[result.CountApproved])
	spent := cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	took := time.Duration(u.load.DurationMS) * time.Millisecond
	fmt.Printf("%-48s %16.0f %12.0f %12s\n", words, flows/spent.Seconds(), flows/took.Seconds(), micros(latency(u.load, "redeem").P50))
	return nil
}
