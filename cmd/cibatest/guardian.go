package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"github.com/cibatest/cibatest/internal/guardian"
	"github.com/cibatest/cibatest/internal/preflight"
	"github.com/cibatest/cibatest/internal/targetfile"
	"github.com/cibatest/cibatest/internal/yamlfile"
	"github.com/spf13/cobra"
)

// pushTokenEnv names the push token of a device, which is not for a command line.
const pushTokenEnv = "CIBATEST_PUSH_TOKEN"

func newGuardian() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "guardian",
		Short: "Enroll a virtual device for the users of an Auth0 tenant, and take it away again",
		Long: `With approval.kind guardian the decisions of users are made by virtual devices: each is
enrolled at the tenant, as an app with the vendor's SDK is, and has a key of its own.
docs/guardian.md tells how a tenant is set up, and how pushes get here.`,
	}
	cmd.AddCommand(newGuardianEnroll(), newGuardianUnenroll())
	return cmd
}

// enrollFlags are what a device is enrolled with.
type enrollFlags struct{ target, user, transaction, barcode, pushToken, name string }

func newGuardianEnroll() *cobra.Command {
	var f enrollFlags
	cmd := &cobra.Command{
		Use:   "enroll",
		Short: "Enroll a new device for one user, and keep its key in a file",
		Long: `Enrolls a device at the tenant of the target file with an enrollment transaction, of which
the id is enough, or the otpauth:// URI that the tenant shows as a QR code (barcode_uri). "-"
reads either of them from standard input. The key is new and is written with the enrollment
to a file that nobody else can read, in the folder approval.guardian.enrollments.

Nothing is sent to any other host than that of approval.guardian.url.`,
		Example: `  CIBATEST_PUSH_TOKEN=fcm... cibatest guardian enroll --target op.yaml --user alice --transaction-id tx_...
  echo "$BARCODE_URI" | cibatest guardian enroll --target op.yaml --user alice --barcode-uri - --push-token fcm...`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return enroll(cmd, f) },
	}
	flags := cmd.Flags()
	flags.StringVarP(&f.target, "target", "t", os.Getenv("CIBATEST_TARGET"), "target file (CIBATEST_TARGET)")
	flags.StringVar(&f.user, "user", "", "user by name in the target file")
	flags.StringVar(&f.transaction, "transaction-id", "", "enrollment transaction id (enrollment_tx_id)")
	flags.StringVar(&f.barcode, "barcode-uri", "", "otpauth:// URI with an enrollment transaction id")
	flags.StringVar(&f.pushToken, "push-token", "", "where the tenant sends pushes: the Firebase token of the relay; empty: "+pushTokenEnv)
	flags.StringVar(&f.name, "name", "cibatest", "name of the device, as the tenant's administrators see it")
	cmd.MarkFlagsOneRequired("transaction-id", "barcode-uri")
	cmd.MarkFlagsMutuallyExclusive("transaction-id", "barcode-uri")
	return cmd
}

func newGuardianUnenroll() *cobra.Command {
	var target, user string
	cmd := &cobra.Command{
		Use:   "unenroll",
		Short: "Take the device of a user away from the tenant, and delete its key",
		Long: `Deletes the device at the tenant, then its file. A device that the tenant does not know any
more only loses its file. Where the tenant refuses, the file stays.`,
		Example: "  cibatest guardian unenroll --target op.yaml --user alice",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return unenroll(cmd, target, user) },
	}
	flags := cmd.Flags()
	flags.StringVarP(&target, "target", "t", os.Getenv("CIBATEST_TARGET"), "target file (CIBATEST_TARGET)")
	flags.StringVar(&user, "user", "", "user by name in the target file")
	return cmd
}

// enrolling is a user with the tenant it is enrolled at.
type enrolling struct {
	tenant *guardian.Tenant
	user   targetfile.User
	file   string // of the enrollment
	close  func()
}

// openEnrolling reads the target file. Its errors are mistakes in it or in the command.
func openEnrolling(file, user string) (*enrolling, error) {
	if file == "" {
		return nil, errNoTarget
	}
	t, err := targetfile.Load(file)
	if err != nil {
		return nil, err
	}
	if t.Approval.Kind != targetfile.ApprovalGuardian {
		return nil, fmt.Errorf("%s: approval.kind is %s; devices are enrolled for kind guardian", file, t.Approval.Kind)
	}
	u, err := userNamed(t, user)
	if err != nil {
		return nil, err
	}
	transport, err := preflight.Transport(t)
	if err != nil {
		return nil, err
	}
	tenant, err := guardian.NewTenant(t.Approval.Guardian.URL, transport)
	if err != nil {
		return nil, fmt.Errorf("approval.guardian.url: %w", err)
	}
	return &enrolling{tenant, u, t.Beside(t.Approval.EnrollmentFile(u)), transport.CloseIdleConnections}, nil
}

// userNamed finds a user of the target file.
func userNamed(t *targetfile.Target, name string) (targetfile.User, error) {
	var names []string
	for _, u := range t.Users {
		if u.Name == name {
			return u, nil
		}
		names = append(names, u.Name)
	}
	if name == "" {
		return targetfile.User{}, fmt.Errorf("--user is missing; the target file has %s", strings.Join(names, ", "))
	}
	return targetfile.User{}, fmt.Errorf("no user %q in the target file; %s", name, yamlfile.Instead(name, names))
}

func enroll(cmd *cobra.Command, f enrollFlags) error {
	e, err := openEnrolling(f.target, f.user)
	if err != nil {
		return usage(err)
	}
	defer e.close()
	transaction, err := transactionOf(cmd.InOrStdin(), e.tenant, f)
	if err != nil {
		return usage(err)
	}
	pushToken := cmp.Or(f.pushToken, os.Getenv(pushTokenEnv))
	if pushToken == "" {
		return usage(fmt.Errorf("--push-token is missing, so the tenant would not know where to push; give it or set %s", pushTokenEnv))
	}
	file, err := createEnrollment(e)
	if err != nil {
		return usage(err)
	}
	enrollment, err := e.enroll(cmd.Context(), file, transaction, f.name, pushToken)
	if err != nil {
		return notJudged(errors.Join(fmt.Errorf("user %s is not enrolled: %w", e.user.Name, err), os.Remove(file.Name())))
	}
	fmt.Fprintf(cmd.OutOrStdout(), "user %s is enrolled at %s with the device %s; its key is in %s\n",
		e.user.Name, e.tenant.Address(), enrollment.ID, e.file)
	return nil
}

// transactionOf is the enrollment transaction of the flags. A barcode of another tenant is
// refused, since its transaction is not for this one to see.
func transactionOf(in io.Reader, tenant *guardian.Tenant, f enrollFlags) (string, error) {
	given, flag := f.transaction, "--transaction-id"
	if f.barcode != "" {
		given, flag = f.barcode, "--barcode-uri"
	}
	if given == "-" {
		line, err := bufio.NewReader(io.LimitReader(in, maxInput)).ReadString('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return "", fmt.Errorf("%s: reading standard input: %w", flag, err)
		}
		given = strings.TrimSpace(line)
	}
	if f.barcode == "" {
		return given, nil
	}
	barcode, err := guardian.ParseBarcode(given)
	switch {
	case err != nil:
		return "", fmt.Errorf("%s: %w", flag, err)
	case barcode.Host != "" && !tenant.Is(barcode.Host):
		return "", fmt.Errorf("%s is for %.100q, and approval.guardian.url is %s; is it of another tenant?",
			flag, barcode.Host, tenant.Address())
	}
	return barcode.TransactionID, nil
}

// createEnrollment creates the file before the transaction is used up. One that is there
// belongs to a device that is enrolled.
func createEnrollment(e *enrolling) (*os.File, error) {
	if err := os.MkdirAll(filepath.Dir(e.file), 0o700); err != nil {
		return nil, err
	}
	file, err := os.OpenFile(e.file, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if errors.Is(err, os.ErrExist) {
		return nil, fmt.Errorf("%s is there already, so user %s has a device; \"cibatest guardian unenroll\" takes it away",
			e.file, e.user.Name)
	}
	return file, err
}

// enroll enrolls and keeps the key. A device whose key could not be kept is taken away.
func (e *enrolling) enroll(ctx context.Context, file *os.File, transaction, name, pushToken string) (*guardian.Enrollment, error) {
	enrollment, err := e.tenant.Enroll(ctx, transaction, name, pushToken)
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	data, err := enrollment.File()
	if err == nil {
		_, err = file.Write(append(data, '\n'))
	}
	if err = errors.Join(err, file.Close()); err != nil {
		return nil, errors.Join(fmt.Errorf("its key cannot be kept: %w", err), e.tenant.Unenroll(ctx, enrollment))
	}
	return enrollment, nil
}

func unenroll(cmd *cobra.Command, target, user string) error {
	e, err := openEnrolling(target, user)
	if err != nil {
		return usage(err)
	}
	defer e.close()
	data, err := readFile(e.file, maxInput)
	if errors.Is(err, os.ErrNotExist) {
		return usage(fmt.Errorf("user %s has no device: %s is not there", e.user.Name, e.file))
	}
	if err != nil {
		return usage(err)
	}
	enrollment, err := guardian.ParseEnrollment(data)
	if err == nil {
		err = e.tenant.Knows(enrollment)
	}
	if err != nil {
		return usage(fmt.Errorf("%s: %w; delete the file, and the device at the tenant by hand", e.file, err))
	}
	told := "is taken away from user"
	if err := e.tenant.Unenroll(cmd.Context(), enrollment); err != nil {
		if refused, ok := errors.AsType[*guardian.StatusError](err); !ok || refused.Status != http.StatusNotFound {
			return notJudged(fmt.Errorf("the device %s of user %s is still there, and its file, too: %w", enrollment.ID, e.user.Name, err))
		}
		told = "was not known to the tenant any more, for user"
	}
	if err := os.Remove(e.file); err != nil {
		return notJudged(err)
	}
	fmt.Fprintf(cmd.OutOrStdout(), "the device %s %s %s, and %s is deleted\n", enrollment.ID, told, e.user.Name, e.file)
	return nil
}
