module github.com/larderdev/larder/internal/linear

go 1.26

require (
	github.com/anishathalye/porcupine v1.3.1
	github.com/larderdev/larder v0.0.0-00010101000000-000000000000
)

require (
	github.com/klauspost/compress v1.18.0 // indirect
	github.com/maypok86/otter/v2 v2.4.0 // indirect
)

replace github.com/larderdev/larder => ../..
