-- version, fresh for ms, lives for ms, hold in ms, body
return through(header(), ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5])
