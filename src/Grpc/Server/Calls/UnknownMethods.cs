using Grpc.Core;
using Grpc.Wire;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.AspNetCore.Routing.Patterns;

namespace Grpc.AspNetCore.Server.Calls;

/// <summary>Answers gRPC calls of methods and services that nobody mapped with Unimplemented. One a host, used while it is set up.</summary>
internal sealed class UnknownMethods
{
    private const string AnyService = "*";

    private static readonly GrpcRequestConstraint OnlyGrpc = new();

    // Remembered here, since looking through the endpoints would build them, and conventions couldn't be added any more.
    private readonly HashSet<string> _mapped = new(StringComparer.Ordinal);

    public void Map(IEndpointRouteBuilder builder, IEnumerable<string> serviceNames, GrpcServiceOptions options)
    {
        // A service's methods may be spread over several classes.
        foreach (var service in serviceNames.Where(_mapped.Add))
            MapPattern(builder, $"{service}/{{unknownMethod}}", http => $"The service {service} has no method {http.Request.RouteValues["unknownMethod"]}.");
        if (options.IgnoreUnknownServices is not true && _mapped.Add(AnyService))
            MapPattern(builder, "{unknownService}/{unknownMethod}", http => $"This server has no service {http.Request.RouteValues["unknownService"]}; it has {string.Join(", ", _mapped.Where(name => name != AnyService).Order(StringComparer.Ordinal))}.");
    }

    private static void MapPattern(IEndpointRouteBuilder builder, string pattern, Func<HttpContext, string> explain) =>
        builder.Map(
            RoutePatternFactory.Parse(pattern, defaults: null, parameterPolicies: new RouteValueDictionary { ["unknownMethod"] = OnlyGrpc }),
            http =>
            {
                StatusHeaders.WriteTrailersOnly(http.Response, new Status(StatusCode.Unimplemented, explain(http)));
                return Task.CompletedTask;
            }).WithDisplayName("gRPC unknown " + pattern);

    /// <summary>Leaves requests that aren't gRPC to other endpoints.</summary>
    private sealed class GrpcRequestConstraint : IRouteConstraint
    {
        public bool Match(HttpContext? httpContext, IRouter? route, string routeKey, RouteValueDictionary values, RouteDirection routeDirection) =>
            httpContext is not null && HttpMethods.IsPost(httpContext.Request.Method) && WireNames.IsGrpcContentType(httpContext.Request.ContentType);
    }
}
