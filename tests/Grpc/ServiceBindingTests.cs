using DistSgd.Grpc.Tests.V1;
using Grpc.Core;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace DistSgd.Grpc.Tests;

/// <summary>Which methods of a class answer calls: the same as with the official packages, so that a service that runs on one runtime runs on the other.</summary>
public sealed class ServiceBindingTests
{
    private static readonly Method<string, string> EchoMethod = new(MethodType.Unary, "tests.Sealed", "Echo", Marshallers.StringMarshaller, Marshallers.StringMarshaller);

    [Fact]
    public async Task Method_ThatIsNotVirtual_IsRefusedWhenMapped()
    {
        var e = await Assert.ThrowsAsync<InvalidOperationException>(() => EchoHost.StartAsync(maps: app => app.MapGrpcService<SealedService>()));
        Assert.Contains("no public virtual method Echo(String, ServerCallContext)", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Method_ThatHidesTheGeneratedOne_IsNoAnswer()
    {
        await using var host = await EchoHost.StartAsync(maps: app => app.MapGrpcService<HidingService>().Add(endpoint => ((RouteEndpointBuilder)endpoint).Order = -1));
        var e = await Assert.ThrowsAsync<RpcException>(async () => await host.Client.UnaryAsync(new EchoRequest { Text = "x" }));
        Assert.Equal(StatusCode.Unimplemented, e.StatusCode);
    }

    [Fact]
    public async Task Conventions_OfOneService_ReachItsMethodsAlone()
    {
        await using var host = await EchoHost.StartAsync(maps: app => app.MapGrpcService<HidingService>().WithMetadata("of the second"));
        var marked = host.Services.GetRequiredService<EndpointDataSource>().Endpoints.Where(endpoint => endpoint.Metadata.GetMetadata<string>() == "of the second");
        Assert.Equal(Echo.Descriptor.Methods.Select(method => $"gRPC /{Echo.Descriptor.FullName}/{method.Name}").Order(StringComparer.Ordinal), marked.Select(endpoint => endpoint.DisplayName).Order(StringComparer.Ordinal));
    }

    [BindServiceMethod(typeof(SealedService), nameof(Bind))]
    private sealed class SealedService
    {
        public static void Bind(ServiceBinderBase binder, SealedService? service) =>
            binder.AddMethod(EchoMethod, service is null ? null : new UnaryServerMethod<string, string>(service.Echo));

        public Task<string> Echo(string request, ServerCallContext context) => Task.FromResult(request);
    }

    private sealed class HidingService : Echo.EchoBase
    {
        public new Task<EchoReply> Unary(EchoRequest request, ServerCallContext context) => Task.FromResult(new EchoReply { Text = request.Text });
    }
}
