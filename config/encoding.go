package config

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"unicode/utf16"
	"unicode/utf8"
)

// decodeText returns a document as UTF-8 without a byte order mark. A document in UTF-16
// must start with a byte order mark.
func decodeText(data []byte) ([]byte, *problem) {
	switch {
	case bytes.HasPrefix(data, []byte("\xef\xbb\xbf")):
		data = data[3:]
	case bytes.HasPrefix(data, []byte("\xfe\xff")):
		return decodeUTF16(data[2:], binary.BigEndian)
	case bytes.HasPrefix(data, []byte("\xff\xfe")):
		return decodeUTF16(data[2:], binary.LittleEndian)
	}
	if utf8.Valid(data) {
		return data, nil
	}
	at := 0
	for {
		r, n := utf8.DecodeRune(data[at:])
		if r == utf8.RuneError && n <= 1 {
			return data, &problem{RuleBadEncoding, at, fmt.Sprintf("invalid UTF-8 byte %#02x", data[at])}
		}
		at += n
	}
}

func decodeUTF16(data []byte, order binary.ByteOrder) ([]byte, *problem) {
	text := make([]byte, 0, len(data))
	for i := 0; i < len(data); i += 2 {
		if i+1 == len(data) {
			return text, &problem{RuleBadEncoding, len(text), "incomplete UTF-16 character at the end of the document"}
		}
		r := rune(order.Uint16(data[i:]))
		if utf16.IsSurrogate(r) {
			low := rune(0)
			if i+3 < len(data) {
				low = rune(order.Uint16(data[i+2:]))
			}
			if r = utf16.DecodeRune(r, low); r == utf8.RuneError {
				return text, &problem{RuleBadEncoding, len(text), "unpaired UTF-16 surrogate"}
			}
			i += 2
		}
		text = utf8.AppendRune(text, r)
	}
	return text, nil
}
