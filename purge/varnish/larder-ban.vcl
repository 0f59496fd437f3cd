# Purges by tag and by URL for Varnish 6.6 and later without varnish-modules, as
# package github.com/larderdev/larder/purge/varnish sends them with Options.Ban.
# Instead of an index of tags there are bans: each object is compared with all
# bans that are younger than it, so purges cost more the more of them there are,
# and there is no soft purge by tag. Where you can, use larder.vcl.
#
# Include it in your VCL after what changes req.url or the field Host, and before
# what looks at the method. A vcl_hash of your own must come to the same for the
# PURGE of a URL, which has no fields of a visitor, as for the visitor.
#
#   vcl 4.1;
#   backend default { .host = "127.0.0.1"; .port = "8080"; }
#   include "/etc/varnish/larder-ban.vcl";

# Who may purge. Add the addresses of your services: whoever is in this list can
# empty the cache.
acl larder_purgers {
	"127.0.0.1";
	"::1";
}

import purge;
import std;

sub vcl_recv {
	if (req.method == "PURGE" || req.method == "BAN") {
		# Varnish adds the client's address to X-Forwarded-For. If another one is
		# there before it, the client is a proxy that speaks for somebody else, and
		# that the proxy is in the list says nothing.
		if (client.ip !~ larder_purgers || req.http.X-Forwarded-For != "" + client.ip) {
			return (synth(403, "the client is not in larder_purgers, or is a proxy"));
		}
		if (req.method == "BAN") {
			# A ban on fields of the object alone: the lurker of Varnish can then
			# work it off without requests.
			if (!std.ban("obj.http.Larder-Tags ~ " + req.http.Larder-Ban)) {
				return (synth(400, std.ban_error()));
			}
			set req.http.Larder-Purged = "banned";
			return (synth(200, "banned"));
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
	if (req.method == "PURGE" || req.method == "BAN") {
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
	# The tags stand between commas, the outermost too, so that a ban finds whole
	# tags. The field is set from one other and never added to: after a 304 all the
	# fields of before are here again.
	if (beresp.http.Cache-Tag) {
		std.collect(beresp.http.Cache-Tag, ",");
		set beresp.http.Larder-Tags = "," + regsuball(beresp.http.Cache-Tag, "[, \t]+", ",") + ",";
	} else if (beresp.http.Surrogate-Key) {
		std.collect(beresp.http.Surrogate-Key, " ");
		set beresp.http.Larder-Tags = "," + regsuball(beresp.http.Surrogate-Key, "[ \t]+", ",") + ",";
	} else if (beresp.http.xkey) {
		std.collect(beresp.http.xkey, " ");
		set beresp.http.Larder-Tags = "," + regsuball(beresp.http.xkey, "[ \t]+", ",") + ",";
	} else {
		# Not the origin's to say.
		unset beresp.http.Larder-Tags;
	}
}

sub vcl_deliver {
	# Visitors need not know the tags. Leave the first three if another CDN stands
	# before Varnish and purges by them.
	unset resp.http.Cache-Tag;
	unset resp.http.Surrogate-Key;
	unset resp.http.xkey;
	unset resp.http.Larder-Tags;
}
