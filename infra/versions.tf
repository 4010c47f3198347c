terraform {
  # 1.9 is the first release in which a validation can refer to a second variable.
  required_version = ">= 1.9"

  required_providers {
    aws = {
      source = "hashicorp/aws"
      # 6.8 takes queues of 1 MiB, and 6.29 key_schema in an index, which replaces hash_key. Before
      # 6.37, a change of an index could remove all others.
      version = ">= 6.37, < 7.0"
    }
  }
}
