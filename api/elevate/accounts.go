package elevate

import (
	"github.com/gofiber/fiber/v2"

	"quad/api/elevate/wire"
	"quad/internal/people"
)

// registrationOTP mails a one-time code for a sign-up.
func (d *door) registrationOTP(c *fiber.Ctx, req wire.RegistrationOTPRequest) (reply, error) {
	if err := d.people.RequestRegistration(c.UserContext(), req.Name, req.Email); err != nil {
		return reply{}, otpError(c, err)
	}
	return reply{
		message: "OTP has been sent to your registered email ID. Please enter the otp to complete the registration process.",
		result:  empty,
	}, nil
}

// createAccount signs a person up and in.
func (d *door) createAccount(c *fiber.Ctx, req wire.CreateAccountRequest) (reply, error) {
	in, err := d.people.SignUp(c.UserContext(), people.SignUp{
		Name: req.Name, Email: req.Email, Password: req.Password, Code: req.OTP, AcceptedTerms: req.AcceptedTerms,
	})
	if err != nil {
		return reply{}, err
	}
	return reply{message: "Sign-up successful Please wait while logging in.", result: wire.SignUpResponse{
		AccessToken: in.Tokens.Access, RefreshToken: in.Tokens.Refresh, User: account(in.Person),
	}}, nil
}

// login opens a session.
func (d *door) login(c *fiber.Ctx, req wire.LoginRequest) (reply, error) {
	return d.signIn(c, people.SignIn{Email: req.Email, Password: req.Password})
}

// generateToken trades a refresh token for an access token; the refresh token
// stays valid.
func (d *door) generateToken(c *fiber.Ctx, req wire.GenerateTokenRequest) (reply, error) {
	in, err := d.people.Refresh(c.UserContext(), req.RefreshToken, false)
	if err != nil {
		return reply{}, refreshError(err)
	}
	return reply{message: "Access token generated successfully", result: wire.GenerateTokenResponse{AccessToken: in.Tokens.Access}}, nil
}

// logout ends the caller's session, and that of the refresh token sent along.
func (d *door) logout(c *fiber.Ctx, req wire.LogoutRequest) (reply, error) {
	if req.Broken {
		return reply{}, errRefreshInvalid
	}
	if err := d.people.SignOut(c.UserContext(), req.RefreshToken); err != nil {
		return reply{}, logoutError(err)
	}
	return reply{message: "User logged out successfully.", result: empty}, nil
}

// readUser shows a profile, by id or by the value of a share link.
func (d *door) readUser(c *fiber.Ctx, req wire.ReadUserRequest) (reply, error) {
	var who people.Person
	var err error
	if req.ID > 0 {
		who, err = d.people.Profile(c.UserContext(), req.ID)
	} else {
		who, err = d.people.ProfileByShareLink(c.UserContext(), req.ShareLink)
	}
	if err != nil {
		return reply{}, err
	}
	return reply{message: "Profile fetched successfully.", result: userProfile(who, d.labels(c.UserContext(), profileChoices(who.User)...))}, nil
}
