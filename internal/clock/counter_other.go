//go:build !(linux && amd64)

package clock

const counterTrusted = false

func counter() int64 { return 0 }
