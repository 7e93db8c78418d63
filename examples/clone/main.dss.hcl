# A clone of a design node, to try an upgrade or a migration on. It runs beside its
# source, with ports, tables and an installid of its own, and runs no scenario.
#
#   export DSSCTL_VAR_pg_password=…
#   dssctl apply -target instance.design   where it is not in PostgreSQL yet
#   dssctl plan                            shows what is copied, and what stops meanwhile
#   dssctl apply                           makes the clone
#   dssctl rollback RUN -allow data-loss   takes it away again

variable "design" {
  type    = object({ data_dir = string, port = number })
  default = { data_dir = "/data/dataiku/design", port = 11200 }
}

variable "clone" {
  type        = object({ data_dir = string, port = number })
  default     = { data_dir = "/data/dataiku/clone", port = 11300 }
  description = "The clone's place, on the same machine."
}

variable "postgresql" {
  type    = object({ host = string, port = optional(number, 5432) })
  default = { host = "pg.internal" }
}

variable "pg_password" {
  type      = string
  sensitive = true
}

instance "design" {
  data_dir = var.design.data_dir
  port     = var.design.port

  runtime_database "postgresql" {
    host         = var.postgresql.host
    port         = var.postgresql.port
    database     = "dss"
    schema       = "dss_runtime"
    table_prefix = "design_"
    user         = "dss"
    password     = var.pg_password
  }
}

instance "clone" {
  data_dir = var.clone.data_dir
  port     = var.clone.port

  origin "clone" {
    of = instance.design
  }

  # Where the copy of its source's tables goes.
  runtime_database "postgresql" {
    host         = var.postgresql.host
    port         = var.postgresql.port
    database     = "dss"
    schema       = "dss_runtime"
    table_prefix = "clone_"
    user         = "dss"
    password     = var.pg_password
  }
}
