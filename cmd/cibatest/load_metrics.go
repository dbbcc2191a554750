package main

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/cibatest/cibatest/internal/serve"
	"github.com/cibatest/cibatest/loadgen"
	"github.com/cibatest/cibatest/reports/result"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/spf13/cobra"
)

// loadMetrics publishes how a load goes, for whoever scrapes it. Nothing is
// labelled by anything an OP says, so the number of series is bounded.
type loadMetrics struct {
	mu     sync.Mutex
	status loadgen.Status
}

var (
	metricFlows = prometheus.NewDesc("cibatest_load_flows_total",
		"Flows by what became of them.", []string{"outcome"}, nil)
	metricCounters = prometheus.NewDesc("cibatest_load_events_total",
		"What happened, by the name of the counter in load.json.", []string{"event"}, nil)
	metricPending  = prometheus.NewDesc("cibatest_load_pending_flows", "Flows without an outcome.", nil, nil)
	metricUnderWay = prometheus.NewDesc("cibatest_load_requests_under_way", "Requests without an answer.", nil, nil)
	metricLatency  = prometheus.NewDesc("cibatest_load_latency_seconds",
		"Latency of the last second, by class and quantile.", []string{"class", "quantile"}, nil)
)

// Describe implements [prometheus.Collector].
func (m *loadMetrics) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{metricFlows, metricCounters, metricPending, metricUnderWay, metricLatency} {
		to <- d
	}
}

// Collect implements [prometheus.Collector].
func (m *loadMetrics) Collect(to chan<- prometheus.Metric) {
	m.mu.Lock()
	s := m.status
	m.mu.Unlock()
	outcomes := []string{
		result.CountOffered, result.CountStarted, result.CountDropped, result.CountRefused, result.CountAcknowledged, result.CountApproved,
		result.CountDenied, result.CountExpired, result.CountFailed, result.CountUndelivered, result.CountAbandoned,
	}
	for _, name := range outcomes {
		to <- prometheus.MustNewConstMetric(metricFlows, prometheus.CounterValue, float64(s.Total[name]), name)
	}
	for _, name := range []string{
		result.CountCalls, result.CountNotified, result.CountFallbacks, result.CountStrangers,
		result.CountRequests, result.CountErrors, result.CountSlowDown, result.CountUnprovoked, result.CountDecisions,
		result.CountUndecided, result.CountViolations, result.CountConnections, result.CountBytesIn, result.CountBytesOut,
	} {
		to <- prometheus.MustNewConstMetric(metricCounters, prometheus.CounterValue, float64(s.Total[name]), name)
	}
	to <- prometheus.MustNewConstMetric(metricPending, prometheus.GaugeValue, float64(s.Pending))
	to <- prometheus.MustNewConstMetric(metricUnderWay, prometheus.GaugeValue, float64(s.UnderWay))
	for class, l := range s.Latency {
		if l.Unit == "" || strings.HasPrefix(class, "polls_") {
			continue
		}
		for quantile, v := range map[string]int64{"0.5": l.P50, "0.9": l.P90, "0.99": l.P99, "0.999": l.P999} {
			latency := time.Duration(v) * time.Microsecond
			to <- prometheus.MustNewConstMetric(metricLatency, prometheus.GaugeValue, latency.Seconds(), class, quantile)
		}
	}
}

func (m *loadMetrics) window(s loadgen.Status) {
	m.mu.Lock()
	m.status = s
	m.mu.Unlock()
}

// metricsTokenEnv names the bearer that the metrics ask for.
const metricsTokenEnv = "CIBATEST_METRICS_TOKEN"

// serveMetrics publishes the metrics on an address; an empty one publishes
// nothing. Beyond loopback a token is needed: they tell how an OP holds.
func serveMetrics(cmd *cobra.Command, address string) (m *loadMetrics, stop func(), err error) {
	m = &loadMetrics{}
	if address == "" {
		return m, func() {}, nil
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(m)
	token := os.Getenv(metricsTokenEnv)
	listener, err := serve.Listen(cmd.Context(), address, token)
	if err != nil {
		return nil, nil, fmt.Errorf("--metrics-listen: %w", withRemedy(err, metricsTokenEnv))
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{EnableOpenMetrics: true}))
	server := serve.Server(serve.Guarded(mux, token, nil))
	go func() {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			fmt.Fprintf(cmd.ErrOrStderr(), "metrics: %v\n", err)
		}
	}()
	fmt.Fprintf(cmd.ErrOrStderr(), "metrics: http://%s/metrics\n", listener.Addr())
	return m, func() { _ = server.Close() }, nil
}
