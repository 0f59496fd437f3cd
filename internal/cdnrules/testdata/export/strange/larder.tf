# Written by larder cdn export from the routes of larder.yaml: change those instead.
#
# Terraform manages all rules of the phase: those of others in the zone are not
# here and would go. Where there are some, use larder cdn apply. A zone that has
# had rules has the phase's ruleset, and a second one is refused: take it over by
#
#   terraform import cloudflare_ruleset.larder zones/ZONE_ID/RULESET_ID
#
# It needs version 5.21.1 of Cloudflare's provider or a later 5. Beside it:
#
#   terraform {
#     required_providers {
#       cloudflare = {
#         source  = "cloudflare/cloudflare"
#         version = ">= 5.21.1, < 6.0.0"
#       }
#     }
#   }

variable "cloudflare_zone_id" {
  type = string
}

resource "cloudflare_ruleset" "larder" {
  zone_id = var.cloudflare_zone_id
  name    = "default"
  kind    = "zone"
  phase   = "http_request_cache_settings"
  rules = [
    {
      action = "set_cache_settings"
      action_parameters = {
        browser_ttl = {
          mode = "respect_origin"
        }
        cache = true
        edge_ttl = {
          mode = "bypass_by_default"
        }
      }
      description = "cache GET www.example.com/ [larder 0ad127735005]"
      enabled     = true
      expression  = "http.host eq \"www.example.com\" and (starts_with(http.request.uri.path, \"/\"))"
      ref         = "larder_main_cache_a04de469"
    },
    {
      action = "set_cache_settings"
      action_parameters = {
        browser_ttl = {
          mode = "respect_origin"
        }
        cache = true
        cache_key = {
          custom_key = {
            query_string = {
              include = {
                list = ["$${x}", "a&b", "a\\", "filter[a]", "q.x"]
              }
            }
          }
        }
        edge_ttl = {
          mode = "bypass_by_default"
        }
      }
      description = "cache GET /a b/ü*\"}$;/x.y/{id}/{$} [larder e18b9de92c14]"
      enabled     = true
      expression  = "(http.request.uri.path strict wildcard \"/a%20b/%C3%BC\\\\*%22%7D$;/x.y/*/\" and not http.request.uri.path strict wildcard \"/*/*/*/*/*/*\" and not ((http.host eq \"www.example.com\" and starts_with(http.request.uri.path, \"/\"))))"
      ref         = "larder_main_cache_f00acdc2"
    },
    {
      action = "set_cache_settings"
      action_parameters = {
        browser_ttl = {
          mode = "respect_origin"
        }
        cache = true
        edge_ttl = {
          mode = "bypass_by_default"
        }
        vary = {
          default = {
            action = "bypass"
          }
          headers = {
            "accept-encoding" = {
              action = "normalize"
            }
            "accept-language" = {
              action = "passthrough"
            }
          }
        }
      }
      description = "cache GET /api/categories [larder 1589c5c9d88b]"
      enabled     = true
      expression  = "(http.request.uri.path eq \"/api/categories\" and not ((http.host eq \"www.example.com\" and starts_with(http.request.uri.path, \"/\"))))"
      ref         = "larder_main_cache_418a9f51"
    },
    {
      action = "set_cache_settings"
      action_parameters = {
        browser_ttl = {
          mode = "respect_origin"
        }
        cache = true
        cache_key = {
          custom_key = {
            query_string = {
              include = {
                list = ["category", "page"]
              }
            }
          }
        }
        edge_ttl = {
          mode = "bypass_by_default"
        }
      }
      description = "cache GET /api/products [larder 7b6a71ec5eb3]"
      enabled     = true
      expression  = "(http.request.uri.path eq \"/api/products\" and not ((http.host eq \"www.example.com\" and starts_with(http.request.uri.path, \"/\"))))"
      ref         = "larder_main_cache_3752acd2"
    },
    {
      action = "set_cache_settings"
      action_parameters = {
        browser_ttl = {
          mode = "respect_origin"
        }
        cache = true
        cache_key = {
          custom_key = {
            query_string = {
              exclude = {
                all = true
              }
            }
          }
        }
        edge_ttl = {
          mode = "bypass_by_default"
        }
      }
      description = "cache GET /api/products/{id} [larder b9d4ae74269e]"
      enabled     = true
      expression  = "(http.request.uri.path strict wildcard \"/api/products/*\" and not http.request.uri.path strict wildcard \"/*/*/*/*\" and not ends_with(http.request.uri.path, \"/\") and not ((http.host eq \"www.example.com\" and starts_with(http.request.uri.path, \"/\"))))"
      ref         = "larder_main_cache_b766fe03"
    },
    {
      action = "set_cache_settings"
      action_parameters = {
        browser_ttl = {
          mode = "respect_origin"
        }
        cache = true
        edge_ttl = {
          mode = "bypass_by_default"
        }
      }
      description = "cache GET /assets/{name} [larder ac8de4cece7d]"
      enabled     = true
      expression  = "(http.request.uri.path strict wildcard \"/assets/*\" and not http.request.uri.path strict wildcard \"/*/*/*\" and not ends_with(http.request.uri.path, \"/\"))"
      ref         = "larder_main_cache_54c7513d"
    },
    {
      action = "set_cache_settings"
      action_parameters = {
        cache = false
      }
      description = "bypass GET /api/balance, GET /api/users/{id}, POST /api/checkout, GET /assets/ [larder 00879bc6689b]"
      enabled     = true
      expression  = "(http.request.uri.path eq \"/api/balance\" and not ((http.host eq \"www.example.com\" and starts_with(http.request.uri.path, \"/\")))) or (http.request.uri.path strict wildcard \"/api/users/*\" and not http.request.uri.path strict wildcard \"/*/*/*/*\" and not ends_with(http.request.uri.path, \"/\") and not ((http.host eq \"www.example.com\" and starts_with(http.request.uri.path, \"/\")))) or (http.request.method eq \"POST\" and http.request.uri.path eq \"/api/checkout\") or (starts_with(http.request.uri.path, \"/assets/\") and not ((http.host eq \"www.example.com\" and starts_with(http.request.uri.path, \"/\")) or (http.request.uri.path strict wildcard \"/assets/*\" and not http.request.uri.path strict wildcard \"/*/*/*\" and not ends_with(http.request.uri.path, \"/\"))))"
      ref         = "larder_main_bypass_b5369953"
    },
  ]
}
