module github.com/larderdev/larder/cmd/larder

go 1.26

require github.com/larderdev/larder v0.0.0-00010101000000-000000000000

require (
	github.com/dunglas/httpsfv v1.1.2 // indirect
	github.com/maypok86/otter/v2 v2.4.0 // indirect
)

replace github.com/larderdev/larder => ../..
