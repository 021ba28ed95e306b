package alert_test

import (
	"fmt"
	"net/http"
	"time"

	"github.com/gatewatch/gatewatch/services/alert"
)

// A receiver in Go checks a message before it reads it. The message is the example
// of WEBHOOK.md.
func ExampleVerify() {
	secrets, err := alert.ParseSecrets("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	if err != nil {
		fmt.Println(err)
		return
	}
	h := http.Header{}
	h.Set("webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek")
	h.Set("webhook-timestamp", "1614265330")
	h.Set("webhook-signature", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")
	body := []byte(`{"test": 2432232314}`)
	now := time.Unix(1614265330, 0) // time.Now() in a receiver
	fmt.Println(alert.Verify(secrets, h, body, now))
	fmt.Println(alert.Verify(secrets, h, append(body, '!'), now))
	// Output:
	// <nil>
	// message has no valid signature
}
