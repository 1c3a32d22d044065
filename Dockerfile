# An image that holds nothing but the command and the certificates of public authorities.
#
#	docker build -t neurondex .
#	docker run --read-only -p 127.0.0.1:8000:8000 -v ./datasets:/etc/neurondex:ro neurondex \
#		serve --listen :8000 --dir /etc/neurondex
FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 go build -trimpath -ldflags="-s -w" -o /out/neurondex ./cmd/neurondex

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /out/neurondex /neurondex
USER 65532:65532
EXPOSE 8000
ENTRYPOINT ["/neurondex"]
CMD ["serve", "--listen", ":8000"]
