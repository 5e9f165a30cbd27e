rule report:
    """The page of figures and tables that a person looks at."""
    input:
        evaluate="results/evaluate/skill.csv",
        products=[path for product in RUN.products for path in product_files(product)],
        domain="results/domain.nc",
    output:
        "results/report/index.html",
    log:
        "logs/report/index.log",
    benchmark:
        "logs/report/index.tsv"
    threads: 1
    resources:
        mem_mb=growing(3000),
        runtime=growing(30),
    params:
        settings=settings_of("report"),
        code=code_of("report"),
    shell:
        "glab report --evaluate {input.evaluate} --products {input.products}"
        " --domain {input.domain} --output {output} --settings {params.settings:q} &> {log}"
