// A product's page may come from a cache far away. What is in stock changes with
// every order, and is asked of the shop itself.
for (const place of document.querySelectorAll("[data-stock]")) {
	const output = place.querySelector("output");
	fetch(place.dataset.stock, { cache: "no-store" })
		.then((answer) => (answer.ok ? answer.json() : Promise.reject(new Error(String(answer.status)))))
		.then((body) => { output.textContent = body.stock; })
		.catch(() => { output.textContent = "not known at the moment"; });
}
