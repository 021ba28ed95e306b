package main

import (
	"bufio"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatewatch/gatewatch/detection/verdict"
	"github.com/gatewatch/gatewatch/services/kept"
)

// TestRequestsCannotSteerATerminal shows requests of an attacker.
func TestRequestsCannotSteerATerminal(t *testing.T) {
	const steering = "\x1b]0;x\a\r\u009b2J\u202e\u2028\x7f"
	c := &kept.Copy{BodyBytes: 100, Request: verdict.Request{
		Method: "GET" + steering, URI: "/a\nHost: forged" + steering, Proto: "HTTP/1.1",
		Headers: [][2]string{{"X" + steering, steering + "\nY: forged"}}, Body: []byte("a\nb\xff" + steering),
	}}
	var out strings.Builder
	if err := writeRequest(bufio.NewWriter(&out), c); err != nil {
		t.Fatal(err)
	}
	want := "GET·]0;x···2J··· /a·Host: forged·]0;x···2J··· HTTP/1.1\nX·]0;x···2J···: ·]0;x···2J····Y: forged\n\na\nb\ufffd·]0;x···2J···\n(78 more bytes were not kept)\n"
	if d := cmp.Diff(want, out.String()); d != "" {
		t.Error(d)
	}
	line, err := c.Request.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	text := escaped(line)
	if strings.ContainsAny(text, steering[:1]+"\u009b\u202e\u2028\x7f\r\a") {
		t.Errorf("%q", text)
	}
	var before, after any
	if err := json.Unmarshal(line, &before); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(text), &after); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(before, after); d != "" {
		t.Error(d)
	}
}

// TestRequestOfTheAPI reads the JSON of the API back.
func TestRequestOfTheAPI(t *testing.T) {
	f := func(text string, ok bool) {
		t.Helper()
		var k keptJSON
		if err := json.Unmarshal([]byte(text), &k); err != nil {
			t.Fatal(err)
		}
		if _, err := k.copy(); (err == nil) != ok {
			t.Errorf("%s: %v", text, err)
		}
	}
	f(`{"id":"a","rules":["1"],"p_attack":0.5,"request":{"id":"a","method":"GET","uri":"/","headers":[]}}`, true)
	f(`{"id":"a","rules":["x"],"request":{"id":"a","method":"GET","uri":"/","headers":[]}}`, false)
	f(`{"id":"a"}`, false)
	f(`{"id":"a","request":{"body":"?","body_b64":true}}`, false)
}
