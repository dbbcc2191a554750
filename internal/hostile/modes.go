package hostile

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"fmt"
	"net"
	"strconv"
	"strings"
)

const (
	mib     = 1 << 20
	endless = 1 << 40
	ok      = "HTTP/1.1 200 OK\r\n"
	kind    = "Content-Type: application/json\r\nConnection: close\r\n"
	chunks  = "Transfer-Encoding: chunked\r\n"
)

// Modes are all ways there are. What is endless ends with the reader's patience.
func Modes() []Mode {
	var list []Mode
	for _, some := range [][]Mode{sizes(), stalls(), framings(), encodings(), documents(), numbers(), keys(), texts(), redirects()} {
		list = append(list, some...)
	}
	return list
}

// whole is a well-formed answer.
func whole(body string) string { return answer("200 OK", "", body) }

// answer is a well-formed answer with a status and further header lines.
func answer(status, lines, body string) string {
	return "HTTP/1.1 " + status + "\r\n" + kind + lines + "Content-Length: " + strconv.Itoa(len(body)) + "\r\n\r\n" + body
}

// said answers with a fixed text.
func said(name, text string) Mode { return Mode{Name: name, Answer: func(c *Conn) { c.say(text) }} }

// pendingWith is the answer to a poll that is undecided, with further header lines
// and members.
func pendingWith(lines, members string) string {
	return answer("400 Bad Request", lines, `{"error":"authorization_pending"`+members+`}`)
}

// started is an acknowledgement with some members.
func started(members string) string {
	return whole(`{"auth_req_id":"abcdefghijklmnopqrstuv",` + members + `}`)
}

// startedThen answers a backchannel request as said, and everything else in another way.
func startedThen(name, ack, then string) Mode {
	return Mode{Name: name, Answer: func(c *Conn) {
		if strings.HasSuffix(c.Request.URL.Path, "/start") {
			c.say(ack)
			return
		}
		c.say(then)
	}}
}

// sizes are modes that send more than anybody wants to keep.
func sizes() []Mode {
	endlessly := func(name, begin, block string) Mode {
		return Mode{Name: name, Answer: func(c *Conn) { _ = c.say(begin) && c.flood(block, endless) }}
	}
	return []Mode{
		endlessly("a status line without end", "HTTP/1.1 200 ", "O"),
		endlessly("a header line without end", ok+"X-Long: ", "a"),
		endlessly("headers without end", ok, "X-More: a\r\n"),
		endlessly("a body without end, by its length", ok+kind+"Content-Length: 8589934592\r\n\r\n", " "),
		endlessly("a body without end, in chunks", ok+kind+chunks+"\r\n", "400\r\n"+strings.Repeat("a", 1024)+"\r\n"),
		endlessly("a string without end", ok+kind+chunks+"\r\n2\r\n{\"\r\n", "400\r\n"+strings.Repeat("a", 1024)+"\r\n"),
		endlessly("a chunk extension without end", ok+kind+chunks+"\r\n1;x=", "a"),
		endlessly("trailers without end", ok+kind+chunks+"\r\n2\r\n{}\r\n0\r\n", "X-Trailer: a\r\n"),
		endlessly("interim answers without end", "", "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"),
		said("87,000 header lines", ok+strings.Repeat("X-One: a\r\n", 87_000)+"Content-Length: 2\r\n\r\n{}"),
		said("1,000 short header lines", pendingWith(strings.Repeat("X: a\r\n", 1000), "")),
		said("60 KiB of headers", pendingWith(strings.Repeat("X-Some: "+strings.Repeat("a", 1000)+"\r\n", 60), "")),
		said("a header of 9 MiB", ok+"X-Big: "+strings.Repeat("a", 9*mib)+"\r\nContent-Length: 2\r\n\r\n{}"),
		said("a body of 1 MiB", pendingWith("", `,"error_description":"`+strings.Repeat("a", mib-100)+`"`)),
		said("a body of 100 KiB", pendingWith("", `,"error_description":"`+strings.Repeat("a", 100<<10)+`"`)),
		said("70,000 members", whole(`{"a":0`+numbered(70_000, `,"m%d":0`)+`}`)),
	}
}

// stalls are modes that let their reader wait.
func stalls() []Mode {
	after := func(name, begin string) Mode {
		return Mode{Name: name, Slow: true, Answer: func(c *Conn) {
			if c.say(begin) {
				c.stall()
			}
		}}
	}
	drips := func(name, begin, block string) Mode {
		return Mode{Name: name, Slow: true, Answer: func(c *Conn) {
			if c.say(begin) {
				c.drip(block)
			}
		}}
	}
	return []Mode{
		after("silence", ""),
		after("a stall in the status line", "HTTP/1.1 2"),
		after("a stall in a header line", ok+"X-Mo"),
		after("a stall after the header", ok+kind+"Content-Length: 100\r\n\r\n"),
		after("a stall in the body", ok+kind+"Content-Length: 100\r\n\r\n{\"a"),
		after("a stall in a chunk", ok+kind+chunks+"\r\n100\r\n{\"a"),
		after("a stall before the trailer", ok+kind+chunks+"\r\n2\r\n{}\r\n0\r\n"),
		drips("a header that drips", ok, "X-More: a\r\n"),
		drips("a body that drips", ok+kind+"Content-Length: 100000\r\n\r\n", " "),
		drips("chunks that drip", ok+kind+chunks+"\r\n", "1\r\n \r\n"),
		drips("interim answers that drip", "", "HTTP/1.1 102 Processing\r\n\r\n"),
	}
}

// framings are modes whose beginning or end is not where it should be.
func framings() []Mode {
	return []Mode{
		{Name: "closed at once", Answer: func(*Conn) {}},
		{Name: "reset", Answer: func(c *Conn) {
			if tcp, isTCP := c.Conn.(*net.TCPConn); isTCP {
				_ = tcp.SetLinger(0)
			}
		}},
		said("garbage", "\x00\x01\x02garbage\r\n\r\n"),
		said("HTTP/0.9", "<html>hello</html>"),
		said("half a body", ok+kind+"Content-Length: 100\r\n\r\n{\"auth_req_id\":"),
		said("half a chunk", ok+kind+chunks+"\r\nff\r\n{\"auth_"),
		said("two lengths", ok+kind+"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}}"),
		said("a negative length", ok+kind+"Content-Length: -1\r\n\r\n{}"),
		said("a length of 2^63-1", ok+kind+"Content-Length: 9223372036854775807\r\n\r\n{}"),
		said("a length and chunks", ok+kind+"Content-Length: 100\r\n"+chunks+"\r\n2\r\n{}\r\n0\r\n\r\n"),
		said("an answer too many", whole("{}")+whole(`{"error":"slow_down"}`)),
		said("another protocol", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n"),
		said("status 000", "HTTP/1.1 000 \x1b[31m\r\nContent-Length: 0\r\n\r\n"),
		said("status 999", answer("999 What", "", "{}")),
	}
}

// encodings are modes that want to be unpacked.
func encodings() []Mode {
	var bomb bytes.Buffer
	w := gzip.NewWriter(&bomb)
	zeros := make([]byte, mib)
	for range 64 {
		_, _ = w.Write(zeros)
	}
	_ = w.Close()
	return []Mode{
		said("a gzip bomb", answer("200 OK", "Content-Encoding: gzip\r\n", bomb.String())),
		said("brotli by its label", answer("200 OK", "Content-Encoding: br\r\n", "{}")),
	}
}

// documents are modes whose JSON is not what a reader wants.
func documents() []Mode {
	return []Mode{
		said("nothing", whole("")),
		startedThen("a success without tokens", started(`"expires_in":60,"interval":1`), whole(`{"token_type":"Bearer"}`)),
		said("500,000 arrays in each other", whole(strings.Repeat("[", 500_000))),
		said("180,000 objects in each other", whole(strings.Repeat(`{"a":`, 180_000))),
		said("a member twice", whole(`{"auth_req_id":"a","auth_req_id":"b"}`)),
		said("UTF-16", whole("\xff\xfe{\x00}\x00")),
		said("a byte order mark", whole("\xef\xbb\xbf{}")),
		said("bytes that are no UTF-8", whole("{\"error\":\"\xff\xfe\"}")),
		said("a number of 900,000 digits", whole(`{"expires_in":`+strings.Repeat("9", 900_000)+`}`)),
	}
}

// numbers are modes that ask for more time than anybody has.
func numbers() []Mode {
	return []Mode{
		said("an interval of 10^9", started(`"expires_in":60,"interval":1000000000`)),
		startedThen("pending after the end", started(`"expires_in":2,"interval":1`), pendingWith("", "")),
		said("an expiry of 2^62", started(`"expires_in":4611686018427387904`)),
		said("an expiry of 1e309", started(`"expires_in":1e309,"interval":-5`)),
		said("a Retry-After of 2^31-1", answer("503 Busy", "Retry-After: 2147483647\r\n", "{}")),
	}
}

// keys are modes that publish what takes long to compute with.
func keys() []Mode {
	ones := base64.RawURLEncoding.EncodeToString(bytes.Repeat([]byte{0xff}, 750_000))
	return []Mode{
		said("a key of 6,000,000 bits", whole(`{"keys":[{"kty":"RSA","n":"`+ones+`","e":"AQAB"}]}`)),
		said("70,000 keys", whole(`{"keys":[{}`+strings.Repeat(",{}", 70_000)+`]}`)),
	}
}

// acting is text that acts on terminals and on CI systems that read a log.
const acting = "\x1b[2J\x1b]0;owned\x07\u009b31m\u202eevil\u2066\r\n::error::owned\n##vso[task.complete]\x00\x7f\b"

// texts are modes that speak to whoever shows them.
func texts() []Mode {
	escaped := strconv.QuoteToASCII(acting)
	escaped = strings.NewReplacer(`\x1b`, `\u001b`, `\a`, `\u0007`, `\x00`, `\u0000`, `\x7f`, `\u007f`).Replace(escaped)
	return []Mode{
		said("an error that acts", answer("400 Bad Request", "X-Act: \u202e\u009b::error::\r\n",
			`{"error":`+escaped+`,"error_description":`+escaped+`}`)),
		said("an acknowledgement that acts", whole(`{"auth_req_id":`+escaped+`,"expires_in":60,"interval":1}`)),
		said("a header that acts", answer("400 Bad Request", "X-Act: \x1b[2J\u202e\u009b\r\n", "{}")),
		said("a page that acts", answer("500 Oh", "", "<html>"+strings.ReplaceAll(acting, "\x00", "")+"</html>")),
	}
}

// redirects are modes that send their reader away.
func redirects() []Mode {
	to := func(name, url string) Mode { return said(name, answer("307 Elsewhere", "Location: "+url+"\r\n", "{}")) }
	return []Mode{
		to("redirect to another host", "http://127.0.0.2:9/"),
		to("redirect to a file", "file:///etc/passwd"),
		to("redirect to itself", "/token"),
	}
}

func numbered(n int, format string) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, format, i)
	}
	return b.String()
}
