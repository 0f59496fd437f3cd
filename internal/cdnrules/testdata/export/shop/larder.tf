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
      description = "cache GET /api/categories [larder 8f44cd8c1f30]"
      enabled     = true
      expression  = "http.host eq \"shop.example.com\" and (http.request.uri.path eq \"/api/categories\")"
      ref         = "larder_main_cache_0a726819"
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
      description = "cache GET /api/products [larder 0d0b9f5bb510]"
      enabled     = true
      expression  = "http.host eq \"shop.example.com\" and (http.request.uri.path eq \"/api/products\")"
      ref         = "larder_main_cache_4823fa68"
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
      description = "cache GET /api/products/{id} [larder 489614d9c290]"
      enabled     = true
      expression  = "http.host eq \"shop.example.com\" and (http.request.uri.path strict wildcard \"/api/products/*\" and not http.request.uri.path strict wildcard \"/*/*/*/*\" and not ends_with(http.request.uri.path, \"/\"))"
      ref         = "larder_main_cache_672ff8d5"
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
      description = "cache GET /assets/{name} [larder 966d71754bca]"
      enabled     = true
      expression  = "http.host eq \"shop.example.com\" and (http.request.uri.path strict wildcard \"/assets/*\" and not http.request.uri.path strict wildcard \"/*/*/*\" and not ends_with(http.request.uri.path, \"/\"))"
      ref         = "larder_main_cache_991f30b5"
    },
    {
      action = "set_cache_settings"
      action_parameters = {
        cache = false
      }
      description = "bypass GET /api/balance, GET /api/users/{id}, POST /api/checkout [larder 00254c6d55c6]"
      enabled     = true
      expression  = "http.host eq \"shop.example.com\" and ((http.request.uri.path eq \"/api/balance\") or (http.request.uri.path strict wildcard \"/api/users/*\" and not http.request.uri.path strict wildcard \"/*/*/*/*\" and not ends_with(http.request.uri.path, \"/\")) or (http.request.method eq \"POST\" and http.request.uri.path eq \"/api/checkout\"))"
      ref         = "larder_main_bypass_4754099f"
    },
  ]
}
