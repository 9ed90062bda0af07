package enabley

import (
	"github.com/gofiber/fiber/v2"

	"quad/internal/httpx"
)

// operations is the table of this door: one line for each operation of
// openapi.yaml. Every token may do everything in its account.
func (d *door) operations() []httpx.Operation {
	const get, post, put, del = fiber.MethodGet, fiber.MethodPost, fiber.MethodPut, fiber.MethodDelete
	return []httpx.Operation{
		// Authorization
		{ID: "createToken", Method: post, Path: "/api/v1/token", Access: httpx.Public, Class: classLogin, Handler: handle(d.createToken)},

		// Catalog
		{ID: "getCatalogItem", Method: get, Path: "/api/v1/catalog/catalogItem", Access: httpx.AnyUser, Handler: handle(d.getCatalogItem)},

		// Certificates
		{ID: "listCertificatesV1", Method: get, Path: "/api/v1/certificates", Access: httpx.AnyUser, Handler: handle(d.listCertificatesV1)},
		{ID: "setCertificateRequirement", Method: put, Path: "/api/v1/certificates/compliance", Access: httpx.AnyUser, Handler: handle(d.setCertificateRequirement)},
		{ID: "listUserCertificates", Method: get, Path: "/api/v1/certificates/users/{externalUserId}", Access: httpx.AnyUser, Handler: handle(d.listUserCertificates)},
		{ID: "listCertificatesV2", Method: get, Path: "/api/v2/certificates", Access: httpx.AnyUser, Handler: d.listCertificatesV2()},
		{ID: "getCertificate", Method: get, Path: "/api/v2/certificates/{externalCertificateId}", Access: httpx.AnyUser, Handler: handle(d.getCertificate)},

		// Channels
		{ID: "listChannelsV1", Method: get, Path: "/api/v1/channels", Access: httpx.AnyUser, Handler: handle(d.listChannelsV1)},
		{ID: "upsertChannel", Method: put, Path: "/api/v1/channels", Access: httpx.AnyUser, Handler: handle(d.upsertChannel)},
		{ID: "listChannelTrainingEvents", Method: get, Path: "/api/v1/channels/{channelIdentifier}/courses/events", Access: httpx.AnyUser, Handler: handle(d.listChannelTrainingEvents)},
		{ID: "assignGroupToChannel", Method: post, Path: "/api/v1/channels/{channelIdentifier}/groups/{groupIdentifier}", Access: httpx.AnyUser, Handler: handle(d.assignGroupToChannel)},
		{ID: "removeGroupFromChannel", Method: del, Path: "/api/v1/channels/{channelIdentifier}/groups/{groupIdentifier}", Access: httpx.AnyUser, Handler: handle(d.removeGroupFromChannel)},
		{ID: "removeUserFromChannel", Method: del, Path: "/api/v1/channels/{channelIdentifier}/users/{userIdentifier}", Access: httpx.AnyUser, Handler: handle(d.removeUserFromChannel)},
		{ID: "getChannel", Method: get, Path: "/api/v1/channels/{identifier}", Access: httpx.AnyUser, Handler: handle(d.getChannel)},
		{ID: "listMasterChannelsV2", Method: get, Path: "/api/v2/channels/channels/masters", Access: httpx.AnyUser, Handler: handle(d.listMasterChannelsV2)},
		{ID: "countChannelMembers", Method: get, Path: "/api/v2/channels/channels/{channelIdentifier}/members/count", Access: httpx.AnyUser, Handler: handle(d.countChannelMembers)},
		{ID: "createChannelInstance", Method: put, Path: "/api/v2/channels/master/instance", Access: httpx.AnyUser, Handler: handle(d.createChannelInstance)},
		{ID: "assignUserToChannel", Method: post, Path: "/api/v2/channels/{channelIdentifier}/users/{userIdentifier}", Access: httpx.AnyUser, Handler: handle(d.assignUserToChannel)},
		{ID: "listChannelsV3", Method: get, Path: "/api/v3/channels", Access: httpx.AnyUser, Handler: d.listChannelsV3()},
		{ID: "listMasterChannelsV3", Method: get, Path: "/api/v3/channels/masters", Access: httpx.AnyUser, Handler: d.listMasterChannelsV3()},
		{ID: "forceCompleteChannel", Method: post, Path: "/api/v4/channels/forceComplete/channel/{channelIdentifier}/user/{userIdentifier}", Access: httpx.AnyUser, Handler: handle(d.forceCompleteChannel)},

		// Groups
		{ID: "upsertGroup", Method: put, Path: "/api/v1/groups", Access: httpx.AnyUser, Handler: handle(d.upsertGroup)},
		{ID: "getGroupHierarchy", Method: get, Path: "/api/v1/groups/hierarchy", Access: httpx.AnyUser, Handler: handle(d.getGroupHierarchy)},
		{ID: "listGroups", Method: get, Path: "/api/v1/groups/list", Access: httpx.AnyUser, Handler: handle(d.listGroups)},
		{ID: "assignUserToGroup", Method: post, Path: "/api/v1/groups/{groupIdentifier}/users/{userIdentifier}", Access: httpx.AnyUser, Handler: handle(d.assignUserToGroup)},
		{ID: "removeUserFromGroup", Method: del, Path: "/api/v1/groups/{groupIdentifier}/users/{userIdentifier}", Access: httpx.AnyUser, Handler: handle(d.removeUserFromGroup)},
		{ID: "getGroup", Method: get, Path: "/api/v1/groups/{identifier}", Access: httpx.AnyUser, Handler: handle(d.getGroup)},
		{ID: "deleteGroup", Method: del, Path: "/api/v1/groups/{identifier}", Access: httpx.AnyUser, Handler: handle(d.deleteGroup)},
		{ID: "listUserGroups", Method: get, Path: "/api/v1/users/{identifier}/groups", Access: httpx.AnyUser, Handler: handle(d.listUserGroups)},

		// Performance
		{ID: "listPerformanceV1", Method: get, Path: "/api/v1/performance", Access: httpx.AnyUser, Handler: handle(d.listPerformanceV1)},
		{ID: "listPerformanceV2", Method: get, Path: "/api/v2/performance", Access: httpx.AnyUser, Handler: d.listPerformanceV2()},

		// Uploads
		{ID: "uploadOrgBulk", Method: post, Path: "/api/v1/uploads/orgBulk", Access: httpx.AnyUser, BodyLimit: uploadLimit, Handler: handle(d.uploadOrgBulk)},

		// UserProfiles
		{ID: "getUserProfiles", Method: post, Path: "/api/v2/getUserProfiles", Access: httpx.AnyUser, Handler: handle(d.getUserProfiles)},
		{ID: "upsertUserProfile", Method: put, Path: "/api/v2/userProfiles", Access: httpx.AnyUser, Handler: handle(d.upsertUserProfile)},
		{ID: "listProfilesOfUser", Method: post, Path: "/api/v2/userProfiles/users/{identifier}", Access: httpx.AnyUser, Handler: handle(d.listProfilesOfUser)},
		{ID: "assignProfileToUser", Method: put, Path: "/api/v2/userProfiles/{profileIdentifier}/users/{userIdentifier}", Access: httpx.AnyUser, Handler: handle(d.assignProfileToUser)},
		{ID: "removeProfileFromUser", Method: del, Path: "/api/v2/userProfiles/{profileIdentifier}/users/{userIdentifier}", Access: httpx.AnyUser, Handler: handle(d.removeProfileFromUser)},

		// Users
		{ID: "listUsersV2", Method: get, Path: "/api/v2/users", Access: httpx.AnyUser, Handler: handle(d.listUsersV2)},
		{ID: "upsertUser", Method: put, Path: "/api/v2/users", Access: httpx.AnyUser, Handler: handle(d.upsertUser)},
		{ID: "addEntitlement", Method: post, Path: "/api/v2/users/entitlements", Access: httpx.AnyUser, Handler: handle(d.addEntitlement)},
		{ID: "removeEntitlement", Method: del, Path: "/api/v2/users/entitlements", Access: httpx.AnyUser, Handler: handle(d.removeEntitlement)},
		{ID: "changeUserIdentifier", Method: put, Path: "/api/v2/users/identityManagement", Access: httpx.AnyUser, Handler: handle(d.changeUserIdentifier)},
		{ID: "getUser", Method: get, Path: "/api/v2/users/{identifier}", Access: httpx.AnyUser, Handler: handle(d.getUser)},
		{ID: "setUserStatus", Method: put, Path: "/api/v2/users/{identifier}", Access: httpx.AnyUser, Handler: handle(d.setUserStatus)},
		{ID: "deleteUser", Method: del, Path: "/api/v2/users/{identifier}", Access: httpx.AnyUser, Handler: handle(d.deleteUser)},
		{ID: "removeUserFromSubAccount", Method: del, Path: "/api/v2/users/{identifier}/subAccountName/{subAccountName}", Access: httpx.AnyUser, Handler: handle(d.removeUserFromSubAccount)},
		{ID: "setUserPermissions", Method: put, Path: "/api/v2/users/{userIdentifier}/permissions", Access: httpx.AnyUser, Handler: handle(d.setUserPermissions)},
		{ID: "listUsersV3", Method: get, Path: "/api/v3/users", Access: httpx.AnyUser, Handler: d.listUsersV3()},
	}
}
