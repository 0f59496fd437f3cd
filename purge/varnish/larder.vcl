# Purges by tag and by URL for Varnish 6.6 and later, as package
# github.com/larderdev/larder/purge/varnish sends them. It needs the module xkey
# of varnish-modules; larder-ban.vcl does without.
#
# Include it in your VCL after what changes req.url or the field Host, and before
# what looks at the method. A vcl_hash of your own must come to the same for the
# PURGE of a URL, which has no fields of a visitor, as for the visitor.
#
#   vcl 4.1;
#   backend default { .host = "127.0.0.1"; .port = "8080"; }
#   include "/etc/varnish/larder.vcl";

# Who may purge. Add the addresses of your services: whoever is in this list can
# empty the cache.
acl larder_purgers {
	"127.0.0.1";
	"::1";
}

import purge;
import std;
import xkey;

sub vcl_recv {
	if (req.method == "PURGE") {
		# Varnish adds the client's address to X-Forwarded-For. If another one is
		# there before it, the client is a proxy that speaks for somebody else, and
		# that the proxy is in the list says nothing.
		if (client.ip !~ larder_purgers || req.http.X-Forwarded-For != "" + client.ip) {
			return (synth(403, "the client is not in larder_purgers, or is a proxy"));
		}
		if (req.http.xkey-purge) {
			set req.http.Larder-Purged = xkey.purge(req.http.xkey-purge);
			return (synth(200, "purged"));
		}
		if (req.http.xkey-softpurge) {
			set req.http.Larder-Purged = xkey.softpurge(req.http.xkey-softpurge);
			return (synth(200, "purged"));
		}
		# A fetch that is under way is not waited for: it may take long.
		set req.hash_ignore_busy = true;
		return (hash);
	}
}

# All variants of the URL.
sub larder_purge_url {
	if (req.http.Larder-Soft) {
		set req.http.Larder-Purged = purge.soft(0s);
	} else {
		set req.http.Larder-Purged = purge.hard();
	}
}

sub vcl_hit {
	if (req.method == "PURGE") {
		call larder_purge_url;
		return (synth(200, "purged"));
	}
}

sub vcl_miss {
	if (req.method == "PURGE") {
		call larder_purge_url;
		return (synth(200, "purged"));
	}
}

sub vcl_synth {
	if (req.method == "PURGE") {
		# The purger believes no answer without Larder-Purged: where this file is
		# not loaded the backend gets the request, and may well say 200.
		if (req.http.Larder-Purged) {
			set resp.http.Larder-Purged = req.http.Larder-Purged;
		}
		set resp.http.Content-Type = "text/plain";
		synthetic(resp.reason);
		return (deliver);
	}
}

sub vcl_backend_response {
	# The tags of an object are the words of its field xkey. It is set from one
	# other field and never added to: after a 304 all the fields of before are here
	# again, and the tags would become more each time.
	if (beresp.http.Cache-Tag) {
		std.collect(beresp.http.Cache-Tag, ",");
		set beresp.http.xkey = regsuball(beresp.http.Cache-Tag, "[, \t]+", " ");
	} else if (beresp.http.Surrogate-Key) {
		std.collect(beresp.http.Surrogate-Key, " ");
		set beresp.http.xkey = beresp.http.Surrogate-Key;
	}
}

sub vcl_deliver {
	# Visitors need not know the tags. Leave the first two if another CDN stands
	# before Varnish and purges by them.
	unset resp.http.Cache-Tag;
	unset resp.http.Surrogate-Key;
	unset resp.http.xkey;
}
