package registry

// without returns the definitions of a key from top down, less that of one
// document. Records are copied, never changed.
func (r *record) without(o *origin) *record {
	switch {
	case r == nil:
		return nil
	case r.origin == o:
		return r.under
	}
	return r.above(r.under.without(o))
}

// over returns the definitions of a key from r down, with q put where its document
// belongs.
func (r *record) over(q *record) *record {
	if r == nil || r.origin.document < q.origin.document {
		return q.above(r)
	}
	return r.above(r.under.over(q))
}

// above returns r as it lies over another definition.
func (r *record) above(under *record) *record {
	if r.under == under {
		return r
	}
	c := *r
	c.under = under
	return &c
}
