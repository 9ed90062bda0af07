package elevate

import (
	"log/slog"

	"github.com/gofiber/fiber/v2"

	"quad/api/elevate/wire"
	"quad/internal/auth"
	"quad/internal/httpx"
	"quad/internal/people"
	"quad/models"
)

// generatePasswordOTP mails a one-time code for a password reset.
func (d *door) generatePasswordOTP(c *fiber.Ctx, req wire.PasswordOTPRequest) (reply, error) {
	if err := d.people.RequestPasswordReset(c.UserContext(), req.Email, req.Password, httpx.ClientIP(c).String()); err != nil {
		return reply{}, otpError(c, err)
	}
	return reply{
		message: "OTP has been sent to your registered email ID. Please enter the number to update your password.",
		result:  empty,
	}, nil
}

// otpError gives a code that could not be stored the contract's text.
func otpError(c *fiber.Ctx, err error) error {
	kind := models.KindOf(err)
	if kind == models.KindUnavailable || kind == "" && httpx.ErrorOf(err) == nil {
		slog.ErrorContext(c.UserContext(), "one-time code not stored", "error", err)
		return errOTPNotSent
	}
	return err
}

// resetPassword sets a new password with the mailed code and signs in.
func (d *door) resetPassword(c *fiber.Ctx, req wire.ResetPasswordRequest) (reply, error) {
	in, err := d.people.ResetPassword(c.UserContext(), people.PasswordReset{
		Email: req.Email, Password: req.Password, Code: req.OTP, Address: httpx.ClientIP(c).String(),
	})
	if err != nil {
		return reply{}, instead(err, errResetCode, auth.ErrCodeWrong)
	}
	texts := d.labels(c.UserContext(), profileChoices(in.User)...)
	return reply{message: "Password reset successfully.", result: wire.ResetPasswordResponse{
		AccessToken: in.Tokens.Access, RefreshToken: in.Tokens.Refresh, User: resetUser(in.Person, texts),
	}}, nil
}

// acceptTerms records that the caller accepted the terms.
func (d *door) acceptTerms(c *fiber.Ctx, _ wire.EmptyRequest) (reply, error) {
	if err := d.people.AcceptTerms(c.UserContext()); err != nil {
		return reply{}, err
	}
	return reply{message: "User successfully updated.", result: empty}, nil
}
