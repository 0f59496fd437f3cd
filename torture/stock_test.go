package torture

func runClerk(config) error { return nil }
func runGuard(config) error { return nil }
