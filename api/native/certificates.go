package native

import (
	"github.com/gofiber/fiber/v2"

	"quad/api/native/wire"
	"quad/internal/auth"
	"quad/internal/certification"
	"quad/internal/input"
	"quad/internal/ref"
	"quad/models"
)

// listCertificates pages through the account's certificates.
func (d *door) listCertificates(c *fiber.Ctx, req wire.ListCertificates) (reply, error) {
	after, err := d.cursor(c, req, req.Paging)
	if err != nil {
		return reply{}, err
	}
	page, next, err := d.Certificates.PageDefinitions(c.UserContext(), certification.DefinitionFilter{
		Status: models.CertificateStatus(req.Status), Search: req.Search, CourseID: orZero(req.CourseID),
	}, after, req.Limit)
	if err != nil {
		return reply{}, err
	}
	return pageOf(d, c, req, page, next, certificate)
}

// createCertificate defines a certificate.
func (d *door) createCertificate(c *fiber.Ctx, req wire.CreateCertificate) (reply, error) {
	made, err := d.Certificates.Create(c.UserContext(), certification.Input{
		Identifier: req.Identifier, Name: req.Name, Courses: courseRefs(req.Courses), Validity: validity(req.Validity),
		AsksConfirmation: req.AsksConfirmation, Status: req.Status,
	})
	if err != nil {
		return reply{}, err
	}
	return created(certificate(made))
}

// getCertificate shows a certificate.
func (d *door) getCertificate(c *fiber.Ctx, req wire.ByID) (reply, error) {
	found, err := d.Certificates.Definition(c.UserContext(), ref.ByID(req.ID))
	if err != nil {
		return reply{}, err
	}
	return ok(certificate(found))
}

// updateCertificate changes a certificate.
func (d *door) updateCertificate(c *fiber.Ctx, req wire.UpdateCertificate) (reply, error) {
	change := certification.Change{
		Identifier: req.Identifier, Name: req.Name, AsksConfirmation: req.AsksConfirmation, Status: req.Status,
		Validity: input.Field[certification.Validity]{Sent: req.Validity.Sent, Value: validity(req.Validity.Value)},
	}
	if req.Courses != nil {
		courses := courseRefs(*req.Courses)
		change.Courses = &courses
	}
	changed, err := d.Certificates.Change(c.UserContext(), ref.ByID(req.ID), change)
	if err != nil {
		return reply{}, err
	}
	return ok(certificate(changed))
}

// listUserCertificates pages through people's certificates.
func (d *door) listUserCertificates(c *fiber.Ctx, req wire.ListUserCertificates) (reply, error) {
	after, err := d.cursor(c, req, req.Paging)
	if err != nil {
		return reply{}, err
	}
	filter := certification.LinkFilter{
		CertificateID: orZero(req.CertificateID), UserID: orZero(req.UserID), State: models.CertificateState(req.State),
		After: after, Limit: req.Limit,
	}
	if req.Required != "" {
		required := req.Required == "true"
		filter.Required = &required
	}
	page, next, err := d.Certificates.Links(c.UserContext(), filter)
	if err != nil {
		return reply{}, err
	}
	return pageOf(d, c, req, page, next, d.userCertificate)
}

// listCertificatesOfUser pages through a person's certificates.
func (d *door) listCertificatesOfUser(c *fiber.Ctx, req wire.ListOf) (reply, error) {
	return d.certificatesOf(c, req, req.ID)
}

// listMyCertificates pages through the caller's certificates.
func (d *door) listMyCertificates(c *fiber.Ctx, req wire.List) (reply, error) {
	p, err := auth.Caller(c.UserContext())
	if err != nil {
		return reply{}, err
	}
	return d.certificatesOf(c, wire.ListOf{ID: p.UserID, Paging: req.Paging}, p.UserID)
}

func (d *door) certificatesOf(c *fiber.Ctx, req wire.ListOf, userID int64) (reply, error) {
	after, err := d.cursor(c, req, req.Paging)
	if err != nil {
		return reply{}, err
	}
	page, next, err := d.Certificates.PageOf(c.UserContext(), userID, after, req.Limit)
	if err != nil {
		return reply{}, err
	}
	return pageOf(d, c, req, page, next, d.userCertificate)
}

// getUserCertificate shows one person's certificate.
func (d *door) getUserCertificate(c *fiber.Ctx, req wire.ByID) (reply, error) {
	return d.heldNow(c, req.ID, nil)
}

// updateUserCertificate says whether a certificate is required of a person.
func (d *door) updateUserCertificate(c *fiber.Ctx, req wire.UpdateUserCertificate) (reply, error) {
	_, err := d.Certificates.Require(c.UserContext(), req.ID, req.Required)
	return d.heldNow(c, req.ID, err)
}

// confirmUserCertificate is the learner's word.
func (d *door) confirmUserCertificate(c *fiber.Ctx, req wire.ByID) (reply, error) {
	_, err := d.Certificates.Confirm(c.UserContext(), req.ID)
	return d.heldNow(c, req.ID, err)
}

// revokeUserCertificate takes a certificate back.
func (d *door) revokeUserCertificate(c *fiber.Ctx, req wire.RevokeUserCertificate) (reply, error) {
	_, err := d.Certificates.Revoke(c.UserContext(), req.ID, req.Reason)
	return d.heldNow(c, req.ID, err)
}

// reissueUserCertificate lets a revoked certificate be earned again.
func (d *door) reissueUserCertificate(c *fiber.Ctx, req wire.ReissueUserCertificate) (reply, error) {
	_, err := d.Certificates.Reissue(c.UserContext(), req.ID, req.CountCompleted)
	return d.heldNow(c, req.ID, err)
}

// heldNow answers with a person's certificate as it is after what was done, or
// with why it was not done.
func (d *door) heldNow(c *fiber.Ctx, id int64, err error) (reply, error) {
	if err != nil {
		return reply{}, err
	}
	held, err := d.Certificates.Link(c.UserContext(), id)
	if err != nil {
		return reply{}, err
	}
	return ok(d.userCertificate(held))
}

// getUserCertificateHistory pages through what happened to a person's
// certificate.
func (d *door) getUserCertificateHistory(c *fiber.Ctx, req wire.ListOf) (reply, error) {
	after, err := d.cursor(c, req, req.Paging)
	if err != nil {
		return reply{}, err
	}
	page, next, err := d.Certificates.History(c.UserContext(), req.ID, after, req.Limit)
	if err != nil {
		return reply{}, err
	}
	return pageOf(d, c, req, page, next, func(t models.CertificateTransition) wire.CertificateTransition {
		return wire.CertificateTransition{
			ID: t.ID, FromState: t.FromState, ToState: t.ToState, Reason: t.Reason, ActorID: t.ActorID, ProcessID: t.ProcessID, At: t.At,
		}
	})
}

func courseRefs(courses []wire.CertificateCourse) []ref.Ref {
	out := make([]ref.Ref, len(courses))
	for i, course := range courses {
		out[i] = ref.Ref{ID: course.ID, Identifier: course.Identifier}
	}
	return out
}

func validity(v *wire.Validity) *certification.Validity {
	if v == nil {
		return nil
	}
	return &certification.Validity{Duration: v.Duration, Unit: v.Unit}
}

func certificate(d certification.Definition) wire.Certificate {
	out := wire.Certificate{
		ID: d.ID, Identifier: d.Identifier, Name: d.Name, Status: d.Status, Courses: make([]wire.CourseOfCertificate, len(d.CourseIDs)),
		AsksConfirmation: d.AsksConfirmation, CreatedAt: d.CreatedAt, UpdatedAt: d.UpdatedAt,
	}
	for i, id := range d.CourseIDs {
		out.Courses[i] = wire.CourseOfCertificate{ID: id, Identifier: d.CourseIdentifiers[i], Name: d.CourseNames[i]}
	}
	if v := d.Validity(); v != nil {
		out.Validity = &wire.Validity{Duration: v.Duration, Unit: v.Unit}
	}
	return out
}

func (d *door) userCertificate(h certification.Held) wire.UserCertificate {
	out := wire.UserCertificate{
		ID: h.ID, UserID: h.UserID, UserName: h.UserName,
		CertificateID: h.CertificateID, CertificateIdentifier: h.Identifier, CertificateName: h.Name,
		State: h.State, Required: h.Required, CertifiedAt: h.CertifiedAt, ExpiresAt: h.ExpiresAt, RenewedAt: h.RenewedAt,
		CreatedAt: h.CreatedAt, UpdatedAt: h.UpdatedAt,
	}
	if h.Code != nil {
		code, page, paper := certification.FormatCode(*h.Code), d.Certificates.PageURL(*h.Code), d.Certificates.PaperURL(*h.Code)
		out.Code, out.PageURL, out.PDFURL = &code, &page, &paper
	}
	return out
}

func orZero(id *int64) int64 {
	if id == nil {
		return 0
	}
	return *id
}
