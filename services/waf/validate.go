package waf

import (
	"fmt"
	"net/url"
)

// Validate names the key that is wrong. It looks at the values alone: that files
// can be read and rules compiled is what [Check] says.
func (c Config) Validate() error {
	c = c.WithDefaults()
	if err := c.validate(); err != nil {
		return err
	}
	for i, s := range c.Sites {
		for _, raw := range s.Upstreams {
			if _, err := parseUpstream(raw); err != nil {
				return fmt.Errorf("sites[%d].%w", i, err)
			}
		}
	}
	return nil
}

func parseUpstream(raw string) (*url.URL, error) {
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.User != nil || u.RawQuery != "" {
		return nil, fmt.Errorf("upstreams: %q is not a URL such as http://127.0.0.1:3000", raw)
	}
	return u, nil
}
