package waf

import (
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// watchServer serves /metrics, /healthz (the process is there) and /readyz (it
// takes requests); nil if the configuration names no address. An address that
// other machines can reach is served with the node's certificate if it has one.
func (n *Node) watchServer() *http.Server {
	if n.watcher == nil {
		return nil
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(n.registry, promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if !n.serving.Load() {
			http.Error(w, "starting or stopping", http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, "ok")
	})
	s := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second, WriteTimeout: time.Minute, MaxHeaderBytes: 16 << 10}
	if a, ok := n.watcher.Addr().(*net.TCPAddr); !ok || !a.IP.IsLoopback() {
		s.TLSConfig = n.http.TLSConfig.Clone()
	}
	return s
}
