package catalog

// What must never be cached says so itself, so that no policy and no mistake
// can put it into a cache: package larder looks for this method.

// NeverCached says why a line of a cart or an order is not cached.
func (CartLine) NeverCached() string { return "it shows the price of the moment" }

// NeverCached says why a cart is not cached.
func (Cart) NeverCached() string {
	return "it belongs to one customer, changes with every click, and is bought as it is shown"
}

// NeverCached says why an order is not cached.
func (Order) NeverCached() string { return "a checkout happens once; the next one is another" }

// NeverCached says why a payment is not cached.
func (Payment) NeverCached() string { return "money is taken once, and nobody may be shown it again" }

// NeverCached says why a balance is not cached.
func (Balance) NeverCached() string { return "what is spent on the strength of it must be there" }
