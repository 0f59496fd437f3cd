module github.com/larderdev/larder/examples/storefront

go 1.26

require github.com/larderdev/larder v0.0.0-00010101000000-000000000000

replace github.com/larderdev/larder => ../..
