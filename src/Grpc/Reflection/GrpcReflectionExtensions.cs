using Grpc.Reflection;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace Microsoft.Extensions.DependencyInjection
{
    /// <summary>Adds server reflection to a host.</summary>
    public static class GrpcReflectionServiceExtensions
    {
        /// <summary>Adds what MapGrpcReflectionService needs; it tells of all services that are mapped.</summary>
        public static IServiceCollection AddGrpcReflection(this IServiceCollection services)
        {
            ArgumentNullException.ThrowIfNull(services);
            services.AddGrpc();
            services.TryAddSingleton(provider => new ReflectionV1ServiceImpl(MappedServices.Of(provider)));
            services.TryAddSingleton(provider => new ReflectionServiceImpl(MappedServices.Of(provider)));
            return services;
        }
    }
}

namespace Microsoft.AspNetCore.Builder
{
    /// <summary>Maps server reflection.</summary>
    public static class GrpcReflectionEndpointRouteBuilderExtensions
    {
        /// <summary>Maps grpc.reflection.v1 and v1alpha. Call it where the services are mapped; services mapped later are told of, too.</summary>
        /// <exception cref="InvalidOperationException">AddGrpcReflection wasn't called.</exception>
        public static IEndpointConventionBuilder MapGrpcReflectionService(this IEndpointRouteBuilder builder)
        {
            ArgumentNullException.ThrowIfNull(builder);
            if (builder.ServiceProvider.GetService<IServiceProviderIsService>() is { } known && !known.IsService(typeof(ReflectionServiceImpl)))
                throw new InvalidOperationException("Reflection isn't set up: call services.AddGrpcReflection() before MapGrpcReflectionService.");
            return new GrpcServiceEndpointConventionBuilder([builder.MapGrpcService<ReflectionV1ServiceImpl>(), builder.MapGrpcService<ReflectionServiceImpl>()]);
        }
    }
}
