package main

import (
	"crypto/tls"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/cibatest/cibatest/internal/ciba"
	"github.com/cibatest/cibatest/internal/driver"
	"github.com/cibatest/cibatest/internal/notify"
	"github.com/cibatest/cibatest/reports/result"
	"github.com/spf13/cobra"
)

// listenFlags are the flags of listen.
type listenFlags struct {
	listen, publicURL     string
	certFile, keyFile, ca string
	answer                string
	showTokens            bool
}

func newListen() *cobra.Command {
	var f listenFlags
	cmd := &cobra.Command{
		Use:   "listen",
		Short: "Receive the callbacks of an OP in ping and push mode and print them",
		Long: `Listens where an OP calls its clients of the delivery modes ping and push, for a person who
debugs an OP. Every call is printed as it comes, whatever path it is made to, secrets
masked, and answered as --answer says:

  204, 200, 500 or any other status
  redirect or redirect=307   with the address of a path that has to stay silent
  slow=5s                    204 after a while
  cut                        the connection is closed without an answer

With --tls-ca a certificate is made that an own authority vouches for. The authority lies
in that file, its key beside it; both are made when they are missing, and the OP has to
trust it.

conform, load and authorize receive calls themselves, at the address of notifications in the
target file: this command takes their place where a request is sent by other means, such as
an application that is being written, or curl.`,
		Example: `  cibatest listen --listen 127.0.0.1:9005
  cibatest listen --listen :8443 --public-url https://lab.example:8443 --tls-ca notifications.pem --answer slow=30s`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return listen(cmd, f) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.listen, "listen", "127.0.0.1:9005", "address to listen at")
	flags.StringVar(&f.publicURL, "public-url", "", "URL by which the OP reaches this address; empty: the address itself")
	flags.StringVar(&f.certFile, "tls-cert", "", "PEM file of the certificate to show; empty: plain HTTP, unless --tls-ca is given")
	flags.StringVar(&f.keyFile, "tls-key", "", "PEM file of the key of --tls-cert")
	flags.StringVar(&f.ca, "tls-ca", "", "PEM file of an own authority, made when it is missing, that vouches for the certificate")
	flags.StringVar(&f.answer, "answer", "204", "what calls are answered with")
	flags.BoolVar(&f.showTokens, "show-tokens", false, "print tokens in clear; they are masked otherwise")
	return cmd
}

func listen(cmd *cobra.Command, f listenFlags) error {
	answer, err := parseAnswer(f.answer)
	if err != nil {
		return usage(err)
	}
	secure, err := f.certificate()
	if err != nil {
		return usage(err)
	}
	p := &callPrinter{cmd: cmd, clear: f.showTokens, masker: ciba.NewMasker(), began: time.Now()}
	r, err := notify.Open(cmd.Context(), notify.Options{
		Listen: notify.ListenTCP(f.listen), PublicURL: f.publicURL, TLS: secure, Stranger: &answer, Observe: p.print,
	})
	if err != nil {
		return usage(fmt.Errorf("%w Else name a free address of this host with --listen", err))
	}
	defer r.Close()
	fmt.Fprintf(cmd.ErrOrStderr(), "listening; register %s/ANYTHING as backchannel_client_notification_endpoint; stop with Ctrl-C\n", r.Base())
	<-cmd.Context().Done()
	fmt.Fprintf(cmd.ErrOrStderr(), "received: %s\n", counted(r.Strangers().All(), "call"))
	return p.failed()
}

// certificate is what is shown, nil for plain HTTP.
func (f listenFlags) certificate() (*tls.Config, error) {
	switch {
	case f.ca != "" && (f.certFile != "" || f.keyFile != ""):
		return nil, errors.New("--tls-ca stands beside --tls-cert; give one of them")
	case (f.certFile == "") != (f.keyFile == ""):
		return nil, errors.New("--tls-cert and --tls-key go together")
	case f.certFile != "":
		pair, err := tls.LoadX509KeyPair(f.certFile, f.keyFile)
		if err != nil {
			return nil, fmt.Errorf("--tls-cert and --tls-key: %w", err)
		}
		return notify.Showing(pair), nil
	case f.ca != "":
		authority, err := notify.OwnAuthority(f.ca)
		if err != nil {
			return nil, fmt.Errorf("--tls-ca: %w", err)
		}
		return authority.Config(notify.Hosts(f.listen, f.publicURL)...)
	}
	return nil, nil
}

// longestHold bounds how long an answer is held back.
const longestHold = 10 * time.Minute

// parseAnswer reads what calls are answered with.
func parseAnswer(text string) (notify.Answer, error) {
	kind, value, _ := strings.Cut(text, "=")
	status, notStatus := strconv.Atoi(kind)
	switch {
	case text == "cut":
		return notify.Answer{Cut: true}, nil
	case text == "redirect":
		return notify.Answer{Status: http.StatusFound, Redirect: true}, nil
	case kind == "redirect":
		if status, err := strconv.Atoi(value); err == nil && status/100 == 3 {
			return notify.Answer{Status: status, Redirect: true}, nil
		}
	case kind == "slow":
		if d, err := time.ParseDuration(value); err == nil && d > 0 && d <= longestHold {
			return notify.Answer{After: d}, nil
		}
	case notStatus == nil && text == kind && status >= 200 && status <= 599:
		return notify.Answer{Status: status}, nil
	}
	return notify.Answer{}, fmt.Errorf("--answer %q is none of a status such as 204, redirect, redirect=307, slow=5s (up to %s) and cut",
		text, longestHold)
}

// callPrinter prints calls as they come, one at a time.
type callPrinter struct {
	cmd    *cobra.Command
	clear  bool
	masker *ciba.Masker
	began  time.Time

	mu  sync.Mutex
	err error // why printing failed; nil otherwise
}

func (p *callPrinter) print(c *notify.Call) {
	e := p.masker.Incoming(driver.Incoming(c))
	if p.clear {
		e.Request.Headers, e.Request.Body = clearHeaders(c.Header), string(c.Body)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s from %s, %s\n", c.At.Format(time.RFC3339), c.From, c.Proto)
	writeExchange(&b, e)
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, err := fmt.Fprint(p.cmd.OutOrStdout(), b.String()); err != nil {
		p.err = err
	}
}

func (p *callPrinter) failed() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.err
}

// clearHeaders are headers as they came, sorted as evidence has them.
func clearHeaders(h http.Header) []result.Header {
	var list []result.Header
	for _, name := range slices.Sorted(maps.Keys(h)) {
		for _, value := range h[name] {
			list = append(list, result.Header{Name: name, Value: value})
		}
	}
	return list
}
