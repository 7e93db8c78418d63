# A design node and automation nodes from one table, in one PostgreSQL schema,
# each under a prefix of its own.

variable "nodes" {
  type = map(object({
    data_dir  = string
    port      = number
    node_type = optional(string, "automation")
  }))
  default = {
    design = { data_dir = "/data/dataiku/design", port = 11200, node_type = "design" }
    auto1  = { data_dir = "/data/dataiku/auto1", port = 11300 }
  }
  description = "The nodes by name."

  validation {
    condition     = length(distinct([for n in values(var.nodes) : n.port])) == length(var.nodes)
    error_message = "Each node needs a port of its own."
  }
}

variable "postgresql" {
  type = object({
    host     = string
    port     = optional(number, 5432)
    database = optional(string, "dss")
    schema   = optional(string, "dss_runtime")
    user     = optional(string, "dss")
  })
  default = { host = "pg.internal" }
}

variable "pg_password" {
  type      = string
  sensitive = true
}

locals {
  heap = { design = "8g", automation = "4g" }
}

instance "node" {
  for_each = var.nodes

  data_dir  = each.value.data_dir
  node_type = each.value.node_type
  port      = each.value.port

  runtime_database "postgresql" {
    host         = var.postgresql.host
    port         = var.postgresql.port
    database     = var.postgresql.database
    schema       = var.postgresql.schema
    table_prefix = "${each.key}_"
    user         = var.postgresql.user
    password     = var.pg_password
  }

  install_ini = {
    javaopts = {
      "backend.xmx" = local.heap[each.value.node_type]
    }
  }
}
