package console

import (
	"errors"
	"mime"
	"net"
	"net/http"
	"net/netip"
	"time"

	"github.com/gatewatch/gatewatch/services/access"
)

const (
	maxForm  = 16 << 10
	formTime = 20 * time.Second
	// formCookie holds an id that a form of somebody who has no session belongs to,
	// so that no other site can sign a browser in.
	formCookie = "gatewatch_form"
	formAge    = 24 * time.Hour
	formField  = "form"
)

var errForm = errors.New("form was not made by this server for this browser")

// readForm reads the fields of a form.
func readForm(w http.ResponseWriter, r *http.Request) error {
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || media != "application/x-www-form-urlencoded" {
		return errForm
	}
	conn := http.NewResponseController(w)
	_ = conn.SetReadDeadline(time.Now().Add(formTime)) // not all writers of tests have deadlines
	defer func() { _ = conn.SetReadDeadline(time.Time{}) }()
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	return r.ParseForm()
}

// formID returns the id of the forms of a browser without a session, and gives it
// one if it has none.
func formID(w http.ResponseWriter, r *http.Request) string {
	if c, err := r.Cookie(formCookieName(r)); err == nil && len(c.Value) == len(access.NewFormID()) {
		return c.Value
	}
	id := access.NewFormID()
	http.SetCookie(w, &http.Cookie{
		Name: formCookieName(r), Value: id, Path: "/", HttpOnly: true, Secure: r.TLS != nil,
		SameSite: http.SameSiteStrictMode, MaxAge: int(formAge / time.Second),
	})
	return id
}

// checkForm tells whether a form was made for the browser that sends it.
func checkForm(r *http.Request) error {
	c, err := r.Cookie(formCookieName(r))
	if err != nil || !access.CheckCSRF(c.Value, r.PostFormValue(formField)) {
		return errForm
	}
	return nil
}

func formCookieName(r *http.Request) string {
	if r.TLS != nil {
		return "__Host-" + formCookie
	}
	return formCookie
}

// peerOf returns who sends a request.
func peerOf(r *http.Request) net.Addr {
	ap, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return nil
	}
	return net.TCPAddrFromAddrPort(ap)
}
