package result

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Histogram is an HDR histogram as text. Totals are in HdrHistogram's own
// compressed form, version 2, in base64, which every implementation of it reads.
// Windows, of which there are many, are in a plainer one that costs next to
// nothing to write: the prefix "s1:", then in unpadded base64url a list of
// varints, for each bucket that counted something how many empty ones come
// before it, and its count.
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

// EncodeHistogram packs a histogram in HdrHistogram's form.
func EncodeHistogram(h *hdrhistogram.Histogram) Histogram {
	data, err := h.Encode(hdrhistogram.V2CompressedEncodingCookieBase)
	if err != nil {
		return "" // only another encoding version fails
	}
	return Histogram(data)
}

const sparsePrefix = "s1:"

// EncodeSparse packs a histogram in the plain form.
func EncodeSparse(h *hdrhistogram.Histogram) Histogram {
	var data []byte
	empty := uint64(0)
	for _, n := range h.Export().Counts {
		if n == 0 {
			empty++
			continue
		}
		data = binary.AppendUvarint(binary.AppendUvarint(data, empty), uint64(n)) //nolint:gosec // counts are not negative
		empty = 0
	}
	return Histogram(sparsePrefix + base64.RawURLEncoding.EncodeToString(data))
}

func decodeSparse(text string) (*hdrhistogram.Histogram, error) {
	data, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return nil, err
	}
	snapshot := NewHistogram().Export()
	buckets := uint64(len(snapshot.Counts))
	at, total := uint64(0), int64(0)
	for len(data) > 0 {
		empty, n := binary.Uvarint(data)
		count, m := binary.Uvarint(data[max(n, 0):])
		readable := n > 0 && m > 0
		inRange := empty <= buckets && at+empty < buckets
		countable := count <= math.MaxInt64-uint64(total)
		if !readable || !inRange || !countable {
			return nil, errors.New("a bucket is broken")
		}
		at += empty
		snapshot.Counts[at] = int64(count) //nolint:gosec // checked
		total += int64(count)              //nolint:gosec // checked
		at++
		data = data[n+m:]
	}
	return hdrhistogram.Import(snapshot), nil
}

// ErrHistogram is a histogram that cannot be read or has another shape.
var ErrHistogram = errors.New("not a histogram of this tool")

// Decode unpacks a histogram of the one shape. An empty text is an empty
// histogram.
func (h Histogram) Decode() (*hdrhistogram.Histogram, error) {
	if h == "" {
		return NewHistogram(), nil
	}
	var decoded *hdrhistogram.Histogram
	var err error
	if sparse, ok := strings.CutPrefix(string(h), sparsePrefix); ok {
		decoded, err = decodeSparse(sparse)
	} else {
		decoded, err = hdrhistogram.Decode([]byte(h))
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %v", ErrHistogram, err) //nolint:errorlint // the library's errors are texts
	}
	digits, lowest, highest := decoded.SignificantFigures(), decoded.LowestTrackableValue(), decoded.HighestTrackableValue()
	if digits != histogramDigits || lowest != 1 || highest != histogramMax {
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
