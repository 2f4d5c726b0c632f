using System.Reflection;
using Grpc.AspNetCore.Server;
using Grpc.Core;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using ServiceDescriptor = Google.Protobuf.Reflection.ServiceDescriptor;

namespace Grpc.Reflection;

/// <summary>The descriptors of the services that a host has mapped.</summary>
internal static class MappedServices
{
    public static IEnumerable<ServiceDescriptor> Of(IServiceProvider services) => services.GetRequiredService<EndpointDataSource>().Endpoints
        .Select(endpoint => endpoint.Metadata.GetMetadata<GrpcMethodMetadata>()?.ServiceType)
        .OfType<Type>().Distinct()
        .Select(DescriptorOf).OfType<ServiceDescriptor>().DistinctBy(descriptor => descriptor.FullName);

    /// <summary>What the class that binds the service's methods has as its static Descriptor: generated code has one; without it the service isn't told of.</summary>
    private static ServiceDescriptor? DescriptorOf(Type? serviceType)
    {
        for (; serviceType is not null; serviceType = serviceType.BaseType)
        {
            if (serviceType.GetCustomAttribute<BindServiceMethodAttribute>(inherit: false) is { } attribute)
                return attribute.BindType.GetProperty("Descriptor", BindingFlags.Public | BindingFlags.Static)?.GetValue(null) as ServiceDescriptor;
        }
        return null;
    }
}
