package enabley

import (
	"context"

	"github.com/gofiber/fiber/v2"

	"quad/api/enabley/wire"
	"quad/internal/certification"
	"quad/internal/ref"
	"quad/internal/store"
)

// listCertificatesV1 lists all certificates.
func (d *door) listCertificatesV1(c *fiber.Ctx, _ wire.None) (reply, error) {
	rows, err := d.Certificates.ListDefinitions(c.UserContext(), certification.DefinitionFilter{}, store.Window{})
	if err != nil {
		return reply{}, err
	}
	return ok(all(rows, certificate))
}

// listCertificatesV2 lists certificates page by page.
func (d *door) listCertificatesV2() fiber.Handler {
	return paged(d, list[wire.None, certification.Definition, wire.Certificate]{
		count: func(ctx context.Context, _ wire.None) (int64, store.Place, error) {
			return d.Certificates.CountDefinitions(ctx, certification.DefinitionFilter{})
		},
		rows: func(ctx context.Context, _ wire.None, w store.Window) ([]certification.Definition, error) {
			return d.Certificates.ListDefinitions(ctx, certification.DefinitionFilter{}, w)
		},
		place: func(row certification.Definition) store.Place { return store.Place{At: row.CreatedAt, ID: row.ID} },
		one:   certificate,
	})
}

// getCertificate shows a certificate.
func (d *door) getCertificate(c *fiber.Ctx, req wire.GetCertificate) (reply, error) {
	row, err := d.Certificates.Definition(c.UserContext(), ref.ByIdentifier(req.ExternalCertificateID))
	if err != nil {
		return reply{}, err
	}
	return ok(certificate(row))
}

// setCertificateRequirement says whether a certificate is required of a person.
// What the body names and is unknown answers 404 here.
func (d *door) setCertificateRequirement(c *fiber.Ctx, req wire.SetCertificateRequirement) (reply, error) {
	_, err := d.Certificates.SetRequired(c.UserContext(), ref.ByIdentifier(req.UserIdentifier), ref.ByIdentifier(req.CertificateIdentifier), req.IsRequired)
	if err != nil {
		return reply{}, err
	}
	return acknowledged(req.CertificateIdentifier)
}

// listUserCertificates lists a person's certificates with their states.
func (d *door) listUserCertificates(c *fiber.Ctx, req wire.ListUserCertificates) (reply, error) {
	rows, err := d.Certificates.ListOf(c.UserContext(), ref.ByIdentifier(req.ExternalUserID))
	if err != nil {
		return reply{}, err
	}
	return ok(all(rows, func(h certification.Held) wire.UserCertificate { return userCertificate(h, d.Certificates.PaperURL) }))
}
