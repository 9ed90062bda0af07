package httpx

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"
)

// router finds the operation of a path in one walk over its segments. A fixed
// segment wins over a parameter; if it leads nowhere the parameter is tried.
type router struct {
	root     *node
	tolerant bool
}

type node struct {
	fixed    map[string]*node
	param    *node
	rest     *node // "{name...}": everything that is left
	byMethod map[string]*target
}

// target is one operation at one path; params are the names of the variable
// segments of this path in their order.
type target struct {
	op     *Operation
	params []string
}

func newRouter(d *Door) (*router, error) {
	r := &router{root: &node{}, tolerant: d.Tolerant}
	for i := range d.Operations {
		op := &d.Operations[i]
		if err := r.add(op, op.Method, op.Path); err != nil {
			return nil, fmt.Errorf("door %q: %w", d.Name, err)
		}
		for _, alias := range op.Aliases {
			method, path := splitAlias(op.Method, alias)
			if err := r.add(op, method, path); err != nil {
				return nil, fmt.Errorf("door %q: alias: %w", d.Name, err)
			}
		}
	}
	return r, nil
}

func (r *router) add(op *Operation, method, path string) error {
	if !slices.Contains(methods, method) {
		return fmt.Errorf("operation %q: method %q is unknown", op.ID, method)
	}
	if !strings.HasPrefix(path, "/") {
		return fmt.Errorf("operation %q: path %q must start with a slash", op.ID, path)
	}
	n, params := r.root, []string(nil)
	for seg := range strings.SplitSeq(strings.Trim(path, "/"), "/") {
		if name, ok := strings.CutPrefix(seg, "{"); ok {
			name, ok = strings.CutSuffix(name, "}")
			if !ok || name == "" || slices.Contains(params, name) {
				return fmt.Errorf("operation %q: segment %q of %q is no parameter", op.ID, seg, path)
			}
			if rest, ok := strings.CutSuffix(name, "..."); ok {
				if !strings.HasSuffix(path, "/"+seg) {
					return fmt.Errorf("operation %q: %q must end the path", op.ID, seg)
				}
				params = append(params, rest)
				if n.rest == nil {
					n.rest = &node{}
				}
				n = n.rest
				continue
			}
			params = append(params, name)
			if n.param == nil {
				n.param = &node{}
			}
			n = n.param
			continue
		}
		if strings.ContainsAny(seg, "{}*:") {
			return fmt.Errorf("operation %q: segment %q of %q is neither fixed nor a parameter", op.ID, seg, path)
		}
		if r.tolerant {
			seg = strings.ToLower(seg)
		}
		if n.fixed == nil {
			n.fixed = map[string]*node{}
		}
		if n.fixed[seg] == nil {
			n.fixed[seg] = &node{}
		}
		n = n.fixed[seg]
	}
	if n.byMethod == nil {
		n.byMethod = map[string]*target{}
	}
	if other := n.byMethod[method]; other != nil {
		return fmt.Errorf("operations %q and %q share %s %s", other.op.ID, op.ID, method, path)
	}
	n.byMethod[method] = &target{op: op, params: params}
	return nil
}

// match is the outcome of a look-up.
type match struct {
	target *target
	values []string // decoded, in the order of target.params
	allow  []string // methods of the path when target is nil and the path exists
}

// find looks up the raw (still percent-encoded) path. The values are copies, so
// they outlive the request.
func (r *router) find(method, path string) match {
	if method == "HEAD" {
		method = "GET"
	}
	path = strings.TrimPrefix(path, "/")
	if strings.HasSuffix(path, "/") {
		if !r.tolerant {
			return match{}
		}
		path = path[:len(path)-1]
	}
	var m match
	values := make([]string, 0, 4)
	r.root.walk(r, method, path, values, &m)
	return m
}

// walk descends into n with the rest of the path and reports whether a target
// was found. Methods of paths that match are collected for 405.
func (n *node) walk(r *router, method, rest string, values []string, m *match) bool {
	if rest == "" {
		if t := n.byMethod[method]; t != nil {
			m.target, m.values, m.allow = t, values, nil
			return true
		}
		for allowed := range n.byMethod {
			if !slices.Contains(m.allow, allowed) {
				m.allow = append(m.allow, allowed)
			}
		}
		return false
	}
	raw, next, more := strings.Cut(rest, "/")
	if raw == "" || (more && next == "") {
		return false // "//" or a second trailing slash: nobody's path
	}
	seg := raw
	if strings.IndexByte(raw, '%') >= 0 {
		decoded, err := url.PathUnescape(raw)
		if err != nil {
			return false
		}
		seg = decoded
	}
	if n.fixed != nil {
		key := seg
		if r.tolerant {
			key = strings.ToLower(seg)
		}
		if child := n.fixed[key]; child != nil && child.walk(r, method, next, values, m) {
			return true
		}
	}
	if n.param != nil && sound(seg) && n.param.walk(r, method, next, append(values, strings.Clone(seg)), m) {
		return true
	}
	if n.rest == nil {
		return false
	}
	all, err := url.PathUnescape(rest)
	if err != nil || !sound(all) {
		return false
	}
	return n.rest.walk(r, method, "", append(values, strings.Clone(all)), m)
}

// sound refuses values that are not UTF-8 or hold NUL.
func sound(s string) bool { return utf8.ValidString(s) && strings.IndexByte(s, 0) < 0 }
