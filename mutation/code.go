package main

import (
	"go/token"
	"slices"
)

// An edit replaces the text between two offsets.
type edit struct {
	from, to int
	text     string
	closing  bool // it ends what an earlier edit began
}

// apply makes the edits, which are in the order of their nodes, outer ones first. What
// is inside a replaced text is dropped.
func apply(text []byte, edits []edit) []byte {
	order := make([]int, len(edits))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int {
		a, b := edits[i], edits[j]
		switch {
		case a.from != b.from:
			return a.from - b.from
		case a.closing && b.closing:
			return j - i // inner ones end first
		case a.closing != b.closing:
			if a.closing {
				return -1
			}
			return 1
		default:
			return i - j
		}
	})
	var out []byte
	at := 0
	for _, i := range order {
		e := edits[i]
		if e.from < at {
			continue
		}
		out = append(out, text[at:e.from]...)
		out = append(out, e.text...)
		at = e.to
	}
	return append(out, text[at:]...)
}

var opNames = map[token.Token]string{
	token.ADD: "Add", token.SUB: "Sub", token.MUL: "Mul", token.QUO: "Quo", token.REM: "Rem",
	token.AND: "And", token.OR: "Or", token.XOR: "Xor", token.AND_NOT: "AndNot",
}

// support is the code that the mutants of a package call. MUTANT is the number of the
// mutant to be; where MUTANT_TRACE names a file, each mutant that is reached is written to
// it.
const support = `
import (
	mutant__os "os"
	mutant__strconv "strconv"
	mutant__atomic "sync/atomic"
)

var (
	mutant__ID, _  = mutant__strconv.Atoi(mutant__os.Getenv("MUTANT"))
	mutant__Path   = mutant__os.Getenv("MUTANT_TRACE")
	mutant__Tracing = mutant__Path != ""
	mutant__Seen   [1 << 16]mutant__atomic.Bool
)

func mutant__(id int) bool {
	if mutant__Tracing {
		mutant__Trace(id)
	}
	return mutant__ID == id
}

func mutant__Trace(id int) {
	if mutant__Seen[id].Swap(true) {
		return
	}
	f, err := mutant__os.OpenFile(mutant__Path, mutant__os.O_APPEND|mutant__os.O_CREATE|mutant__os.O_WRONLY, 0o600)
	if err != nil {
		panic(err)
	}
	f.WriteString(mutant__strconv.Itoa(id) + "\n")
	f.Close()
}

type mutant__Integer interface {
	~int | ~int8 | ~int16 | ~int32 | ~int64 | ~uint | ~uint8 | ~uint16 | ~uint32 | ~uint64 | ~uintptr
}

type mutant__Number interface{ mutant__Integer | ~float32 | ~float64 }

func mutantAdd__[T mutant__Number](id int, x, y T) T {
	if mutant__(id) {
		return x - y
	}
	return x + y
}

func mutantSub__[T mutant__Number](id int, x, y T) T {
	if mutant__(id) {
		return x + y
	}
	return x - y
}

func mutantMul__[T mutant__Number](id int, x, y T) T {
	if mutant__(id) {
		return x / y
	}
	return x * y
}

func mutantQuo__[T mutant__Number](id int, x, y T) T {
	if mutant__(id) {
		return x * y
	}
	return x / y
}

func mutantRem__[T mutant__Integer](id int, x, y T) T {
	if mutant__(id) {
		return x * y
	}
	return x % y
}

func mutantAnd__[T mutant__Integer](id int, x, y T) T {
	if mutant__(id) {
		return x | y
	}
	return x & y
}

func mutantOr__[T mutant__Integer](id int, x, y T) T {
	if mutant__(id) {
		return x & y
	}
	return x | y
}

func mutantXor__[T mutant__Integer](id int, x, y T) T {
	if mutant__(id) {
		return x & y
	}
	return x ^ y
}

func mutantAndNot__[T mutant__Integer](id int, x, y T) T {
	if mutant__(id) {
		return x & y
	}
	return x &^ y
}
`
