package loadgen

import (
	"fmt"
	"testing"

	"github.com/cibatest/cibatest/reports/result"
)

// What a window counts by the OP's own words has a bound, and no count is lost.
func TestTallyIsBounded(t *testing.T) {
	t.Parallel()
	tally := newTally()
	for i := range 3000 {
		code := fmt.Sprintf("code-%d", i)
		tally.answer(answerKey{starts: true, status: 400, code: code})
		tally.failed("backchannel request: " + code)
	}
	for name, counts := range map[string]map[string]int64{"answers": tally.answerTexts(), "failures": tally.failedFor} {
		var all int64
		for _, n := range counts {
			all += n
		}
		if len(counts) > mostNames+1 || all != 3000 {
			t.Errorf("%s: %d names, %d in all", name, len(counts), all)
		}
	}
	if tally.failedFor[result.OtherNames] == 0 {
		t.Error("what is left out is not told")
	}
}
