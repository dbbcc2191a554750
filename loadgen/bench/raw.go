package main

import (
	"encoding/json"
	"fmt"
	"os"
	"time"

	"github.com/cibatest/cibatest/loadgen"
	vegeta "github.com/tsenart/vegeta/v12/lib"
)

// raw is Vegeta's own library sending one unchanging request as fast as it can:
// what the pacing, the polls and the bookkeeping of flows are compared with.
func raw(url string, length time.Duration, fast bool) error {
	o := loadgen.TransportOptions{Connections: workers, Timeout: 10 * time.Second}
	options := []func(*vegeta.Attacker){
		vegeta.Workers(workers), vegeta.MaxWorkers(workers),
		vegeta.Connections(workers), vegeta.KeepAlive(true),
	}
	if fast {
		options = append(options, vegeta.Client(httpClient(loadgen.NewFastTransport(o))))
	}
	targeter := vegeta.NewStaticTargeter(vegeta.Target{
		Method: "POST", URL: url,
		Header: map[string][]string{"Content-Type": {"application/x-www-form-urlencoded"}, "Authorization": {"Basic YmVuY2g6YmVuY2g="}},
		Body:   []byte("grant_type=urn%3Aopenid%3Aparams%3Agrant-type%3Aciba&auth_req_id=abc"),
	})
	n := int64(0)
	for r := range vegeta.NewAttacker(options...).Attack(targeter, vegeta.ConstantPacer{}, length, "") {
		if r.Code == 0 {
			return fmt.Errorf("raw: %s", r.Error)
		}
		n++
	}
	return json.NewEncoder(os.Stdout).Encode(map[string]int64{"requests": n})
}
