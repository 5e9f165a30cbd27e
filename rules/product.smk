rule product:
    """Format one year of a product as a CF file on the 2-D grid."""
    input:
        layers=lambda w: product_layers(w.product, w.year),
        domain="results/domain.nc",
    output:
        "results/product/{product}/{year}.nc",
    log:
        "logs/product/{product}/{year}.log",
    benchmark:
        "logs/product/{product}/{year}.tsv"
    threads: 1
    resources:
        mem_mb=growing(400, per_tile=100),
        runtime=growing(15, per_tile=1),
    params:
        settings=settings_of("product"),
        code=code_of("product"),
    shell:
        "glab product --layers {input.layers:q} --domain {input.domain:q} --year {wildcards.year}"
        " --output {output:q} --settings {params.settings:q} &> {log:q}"
