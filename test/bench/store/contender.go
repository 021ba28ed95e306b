package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"time"
)

// contender is one of the servers that are measured side by side. Its data lies
// in one folder that outlives its process.
type contender interface {
	name() string
	// start runs the server on its data and returns once it answers.
	start() (*process, error)
	// insert sends lines and returns once the server has acknowledged them.
	insert(lines []byte) error
	// ask asks one form of a question and returns the answer's body as it came.
	ask(q *question, form string) ([]byte, error)
	// answer reads the figure that was asked for from a body.
	answer(q *question, body []byte) (int, error)
}

// settler is a contender that can be told to merge what it has.
type settler interface{ settle() error }

var caller = &http.Client{Timeout: 15 * time.Minute}

// call sends a request and returns the body of a good answer.
func call(req *http.Request) ([]byte, error) {
	res, err := caller.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return nil, err
	}
	if res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s: %.300s", req.URL.Path, res.Status, body)
	}
	return body, nil
}

func post(url, mime string, body []byte) (*http.Request, error) {
	req, err := http.NewRequest(http.MethodPost, url, bytes.NewReader(body))
	if err == nil {
		req.Header.Set("Content-Type", mime)
	}
	return req, err
}

// reachable waits until a server answers.
func reachable(p *process, url string) error {
	for range 3000 {
		if res, err := caller.Get(url); err == nil {
			res.Body.Close()
			if res.StatusCode == http.StatusOK {
				return nil
			}
		}
		time.Sleep(10 * time.Millisecond)
	}
	return fmt.Errorf("%s does not answer, see %s", url, p.log.Name())
}
