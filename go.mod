module github.com/larderdev/larder

go 1.26
