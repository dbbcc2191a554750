package selftest

import (
	"testing"
	"time"

	"github.com/cibatest/cibatest/internal/lab"
	"github.com/cibatest/cibatest/suites"
)

// TestWatch looks at a run once a second: all cases are known before the first one, what is
// waited for is told with its end, and the estimate comes true.
func TestWatch(t *testing.T) {
	t.Parallel()
	var watch suites.Watch
	var looks []suites.Look
	var began, ended time.Time
	judgeLab(t, lab.Options{}, func(o *suites.Options) {
		if look := watch.Look(); len(look.Areas) > 0 || look.Placed {
			t.Errorf("before it begins, the run is %+v", look)
		}
		o.Watch, o.Select.Arguments = &watch, []string{"expiry", "discovery", "polling"}
		began = time.Now()
		stop := make(chan struct{})
		o.OnEvent = func(e suites.Event) {
			if e.Finished == e.Total {
				ended = time.Now()
				close(stop)
			}
		}
		go func() {
			for ticker := time.NewTicker(time.Second); ; {
				select {
				case <-ticker.C:
					looks = append(looks, watch.Look())
				case <-stop:
					ticker.Stop()
					return
				}
			}
		}()
	})
	took := ended.Sub(began)
	for i, look := range looks {
		at := began.Add(time.Duration(i+1) * time.Second)
		total := 0
		for _, area := range look.Areas {
			total += area.Total
		}
		if total < 50 || len(look.Areas) < 3 {
			t.Fatalf("after %s %d cases of %d areas are known", at.Sub(began), total, len(look.Areas))
		}
		for _, wait := range look.Waits {
			if wait.Until.Before(at) || wait.By == "" {
				t.Errorf("after %s somebody waits until %s: %+v", at.Sub(began), wait.Until.Sub(began), wait)
			}
		}
		left := took - at.Sub(began)
		if off := (look.Left - left).Abs(); look.Placed && off > 10*time.Second+took/5 {
			t.Errorf("after %s, %s were estimated, and it took %s more", at.Sub(began), look.Left, left)
		}
	}
	if n := expiring(looks[len(looks)/3]); n < 5 {
		t.Errorf("after a third of the run %d requests were said to expire", n)
	}
	if last := watch.Look(); len(last.Waits) > 0 || last.Left != 0 {
		t.Errorf("when all is over, %d waits and %s are left", len(last.Waits), last.Left)
	}
}

func expiring(look suites.Look) (n int) {
	for _, wait := range look.Waits {
		if wait.For == suites.ForExpiry {
			n++
		}
	}
	return n
}
