package result

import (
	"errors"
	"fmt"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Histogram is an HDR histogram in its own compressed form, version 2, in
// base64. Every implementation of HdrHistogram reads it.
type Histogram string

// The shape of all histograms: microseconds from 1 us to 1 h, three significant
// digits. Histograms of one shape add up bucket by bucket.
const (
	histogramMax    = 3_600_000_000
	histogramDigits = 3
)

// NewHistogram makes an empty histogram of the one shape.
func NewHistogram() *hdrhistogram.Histogram {
	return hdrhistogram.New(1, histogramMax, histogramDigits)
}

// RecordIn records a value; what lies beyond the shape counts as its limit.
func RecordIn(h *hdrhistogram.Histogram, value int64) {
	_ = h.RecordValue(min(max(value, 1), histogramMax)) // within the limits it cannot fail
}

// EncodeHistogram packs a histogram.
func EncodeHistogram(h *hdrhistogram.Histogram) Histogram {
	data, err := h.Encode(hdrhistogram.V2CompressedEncodingCookieBase)
	if err != nil {
		return "" // only another encoding version fails
	}
	return Histogram(data)
}

// ErrHistogram is a histogram that cannot be read or has another shape.
var ErrHistogram = errors.New("not a histogram of this tool")

// Decode unpacks a histogram of the one shape. An empty text is an empty
// histogram.
func (h Histogram) Decode() (*hdrhistogram.Histogram, error) {
	if h == "" {
		return NewHistogram(), nil
	}
	decoded, err := hdrhistogram.Decode([]byte(h))
	if err != nil {
		return nil, fmt.Errorf("%w: %v", ErrHistogram, err) //nolint:errorlint // the library's errors are texts
	}
	if decoded.SignificantFigures() != histogramDigits || decoded.HighestTrackableValue() != histogramMax || decoded.LowestTrackableValue() != 1 {
		return nil, fmt.Errorf("%w: it has another range or precision", ErrHistogram)
	}
	return decoded, nil
}

// LatencyOf is a class of durations as the result file has it.
func LatencyOf(class string, h *hdrhistogram.Histogram) Latency {
	l := QuantilesOf(class, h)
	l.Histogram = EncodeHistogram(h)
	return l
}

// QuantilesOf is LatencyOf without the histogram itself.
func QuantilesOf(class string, h *hdrhistogram.Histogram) Latency {
	l := Latency{Class: class, Unit: "us", Count: h.TotalCount()}
	if l.Count == 0 {
		return l
	}
	q := h.ValueAtPercentilesSlice([]float64{50, 90, 95, 99, 99.9})
	l.P50, l.P90, l.P95, l.P99, l.P999 = q[0], q[1], q[2], q[3], q[4]
	l.Min, l.Max, l.Mean = h.Min(), h.Max(), h.Mean()
	return l
}
