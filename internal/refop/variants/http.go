package variants

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"encoding/json"
	"io"

	"github.com/cibatest/cibatest/internal/refop"
	"github.com/cibatest/cibatest/internal/refop/edit"
)

// HTTP are what a proxy before an OP may do to its answers.
var HTTP = []Variant{
	{
		"answers-gzip", "RFC 9110 12.5.3: a coding that was not asked for should not be used, no more than that",
		coded("gzip", func(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) }),
	},
	{
		"answers-deflate", "RFC 9110 8.4.1.2: deflate is in the frame of zlib",
		coded("deflate", func(w io.Writer) io.WriteCloser { return zlib.NewWriter(w) }),
	},
	{
		"answers-deflate-unframed", "RFC 9110 8.4.1.2: some servers send deflate without its frame",
		coded("deflate", func(w io.Writer) io.WriteCloser {
			unframed, _ := flate.NewWriter(w, flate.DefaultCompression) // a level that exists
			return unframed
		}),
	},
}

// coded sends all answers in a content coding.
func coded(name string, writer func(io.Writer) io.WriteCloser) edit.Change {
	return edit.Replies(func(_ *refop.Call, r *refop.Reply) {
		body := r.Raw
		if body == nil {
			body, _ = json.Marshal(r.Body) // nothing is in a body that JSON cannot tell
		}
		var b bytes.Buffer
		w := writer(&b)
		_, _ = w.Write(body) // a buffer takes everything
		_ = w.Close()
		r.Raw = b.Bytes()
		r.Header.Set("Content-Encoding", name)
		r.Header.Add("Vary", "Accept-Encoding")
	})
}
