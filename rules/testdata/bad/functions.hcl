locals {
  a = uper("x") # ERROR: 7: unknown function "uper"
  b = file("not-there.txt") # ERROR: 7: file(): cannot read not-there.txt: no such file or directory
  c = lower(1, 2) # ERROR: 16: too many function arguments
  d = parseint("x", 10) # ERROR: 16: parseint(): cannot parse "x" as a base 10 integer
  e = ref("email", "x") # ERROR: 7: ref() cannot stand here
  f = local.g
  g = local.f # ERROR: 7: locals that need each other
  h = "${template.a}" # ERROR: 10: a template is not a value
  j = [1, 1 / 0] # ERROR: 7: this number is infinite
  i = 1 + "x" # ERROR: 11: invalid operand
}
