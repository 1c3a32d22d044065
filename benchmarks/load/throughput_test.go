package main

import (
	"bufio"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestSkipResponse(t *testing.T) {
	const ok, notModified = "HTTP/1.1 200 OK\r\ncontent-length: 3\r\nX: y\r\n\r\nabc", "HTTP/1.1 304 Not Modified\r\nETag: \"a\"\r\n\r\n"
	r := bufio.NewReader(strings.NewReader(ok + notModified + ok))
	assert.NoError(t, skipResponse(r, 200))
	assert.NoError(t, skipResponse(r, 304))
	assert.ErrorContains(t, skipResponse(r, 304), `"HTTP/1.1 200 OK" instead of status 304`)
	assert.ErrorContains(t, skipResponse(bufio.NewReader(strings.NewReader(ok[:20]+"\r\n\r\n")), 200), "no Content-Length")
	assert.Error(t, skipResponse(bufio.NewReader(strings.NewReader(ok[:len(ok)-1])), 200))
}
