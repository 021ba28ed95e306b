package main

import (
	"fmt"
	"html"
	"io"
	"net"
	"net/http"
	"time"
)

// shop is the sample site: a small shop with a forum, a blog and an API.
type shop struct {
	url    string
	server *http.Server
}

func startShop() (*shop, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	page := func(title string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			fmt.Fprintf(w, "<!doctype html><title>%s</title><h1>%s</h1><p>%s</p>", title, title, html.EscapeString(r.URL.RawQuery))
		}
	}
	mux.HandleFunc("GET /{$}", page("Lamps and more"))
	mux.HandleFunc("GET /catalog", page("Catalog"))
	mux.HandleFunc("GET /item/{id}", page("Item"))
	mux.HandleFunc("GET /search", page("Search"))
	mux.HandleFunc("GET /forum", page("Forum"))
	mux.HandleFunc("GET /static/{file}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/css")
		io.WriteString(w, "body{margin:2em}")
	})
	accept := func(status int) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			n, _ := io.Copy(io.Discard, http.MaxBytesReader(w, r.Body, 64<<20))
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(status)
			fmt.Fprintf(w, "{\"bytes\":%d}\n", n)
		}
	}
	mux.HandleFunc("POST /cart", accept(http.StatusOK))
	mux.HandleFunc("POST /forum/post", accept(http.StatusCreated))
	mux.HandleFunc("POST /blog/save", accept(http.StatusOK))
	mux.HandleFunc("POST /support/upload", accept(http.StatusCreated))
	mux.HandleFunc("POST /api/orders", accept(http.StatusCreated))
	mux.HandleFunc("POST /login", func(w http.ResponseWriter, r *http.Request) {
		if r.FormValue("password") == "correct horse" {
			http.SetCookie(w, &http.Cookie{Name: "sid", Value: "s-" + r.FormValue("user"), HttpOnly: true})
			http.Redirect(w, r, "/", http.StatusSeeOther)
			return
		}
		http.Error(w, "wrong user or password", http.StatusUnauthorized)
	})
	s := &shop{url: "http://" + l.Addr().String(), server: &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}}
	go func() { _ = s.server.Serve(l) }() // ends with close
	return s, nil
}

func (s *shop) close() { s.server.Close() }
