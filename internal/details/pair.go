package details

import (
	"math"
	"slices"
)

// Pairing tells which object that came back answers which one that was asked for.
type Pairing struct {
	Pairs   []Pair           // most alike first
	Missing []map[string]any // asked for, without a counterpart
	Surplus []map[string]any // came back, without a counterpart
}

// Pair is an object that was asked for and the one that answers it.
type Pair struct{ Asked, Actual map[string]any }

// Counterparts pairs objects of equal type, the most alike first, so that each
// object has at most one counterpart.
func Counterparts(asked, actual []map[string]any) Pairing {
	chosen := nearestFirst(len(asked), len(actual), func(i, j int) (int, bool) {
		if asked[i]["type"] != actual[j]["type"] {
			return 0, false
		}
		return distance(asked[i], actual[j]), true
	})
	var p Pairing
	answered, answers := map[int]bool{}, map[int]bool{}
	for _, c := range chosen {
		answered[c.i], answers[c.j] = true, true
		p.Pairs = append(p.Pairs, Pair{asked[c.i], actual[c.j]})
	}
	p.Missing, p.Surplus = leftOver(asked, answered), leftOver(actual, answers)
	return p
}

func leftOver(objects []map[string]any, taken map[int]bool) (rest []map[string]any) {
	for i, object := range objects {
		if !taken[i] {
			rest = append(rest, object)
		}
	}
	return rest
}

// choice couples the i-th of some things with the j-th of others.
type choice struct{ i, j, cost int }

// nearestFirst couples things that fit each other, the cheapest couple first, and
// each thing once at most.
func nearestFirst(n, m int, costOf func(i, j int) (cost int, fits bool)) []choice {
	var candidates []choice
	for i := range n {
		for j := range m {
			if cost, fits := costOf(i, j); fits {
				candidates = append(candidates, choice{i, j, cost})
			}
		}
	}
	slices.SortStableFunc(candidates, func(a, b choice) int { return a.cost - b.cost })
	takenI, takenJ := make([]bool, n), make([]bool, m)
	var chosen []choice
	for _, c := range candidates {
		if !takenI[c.i] && !takenJ[c.j] {
			takenI[c.i], takenJ[c.j] = true, true
			chosen = append(chosen, c)
		}
	}
	return chosen
}

func distance(a, b map[string]any) int { return weight(Compare(a, b)) }

// weight makes changed values count far more than left out ones, because an OP may
// leave out values but not change them.
func weight(list []Difference) int {
	cost := 0
	for _, d := range list {
		switch d.Kind {
		case Changed:
			cost += 100
		case Rewritten, Grown:
			cost += 10
		default:
			cost++
		}
	}
	return cost
}

// Beyond says how objects go beyond a grant: by other values, by other elements, or
// by being objects that answer none of the granted ones. It is empty when they stay
// within the grant.
func Beyond(granted, actual []map[string]any) string {
	p := Counterparts(granted, actual)
	for _, each := range p.Pairs {
		if more := firstBeyond(each); more != "" {
			return more
		}
	}
	for _, object := range p.Surplus {
		return "it has one more object of type " + InWords(object["type"])
	}
	return ""
}

// Excess finds, among objects that came back, one that answers an object which was
// refused rather than one that was granted, and says what sets it apart from those.
// It is empty when there is none. An object that the OP has enriched is as far from
// the refused ones as from the granted ones and is never taken for such.
func Excess(granted, refused, actual []map[string]any) string {
	for _, object := range actual {
		if nearest(refused, object) < nearest(granted, object) {
			return Unlike(granted, object)
		}
	}
	return ""
}

// nearest is the distance of the object to the most similar one of its type.
func nearest(list []map[string]any, object map[string]any) int {
	least := math.MaxInt
	for _, candidate := range list {
		if candidate["type"] == object["type"] {
			least = min(least, distance(candidate, object))
		}
	}
	return least
}

// Unlike says what sets an object apart from all granted ones.
func Unlike(granted []map[string]any, object map[string]any) string {
	for _, each := range Counterparts(granted, []map[string]any{object}).Pairs {
		if more := firstBeyond(each); more != "" {
			return more
		}
	}
	return "an object of type " + InWords(object["type"])
}

// firstBeyond is the first difference by which an object goes beyond what was asked.
func firstBeyond(p Pair) string {
	for _, d := range Compare(p.Asked, p.Actual) {
		if d.Kind == Changed || d.Kind == Grown {
			return d.String()
		}
	}
	return ""
}
