#  The library: shared only. An archive would bring the names of everything inside (loop_new, input_new) into the
#  programs of others; the shared one shows what include/dishes.h declares, and nothing else.
include (CMakePackageConfigHelpers)

add_library (libdishes SHARED $<TARGET_OBJECTS:dishes_api>)
target_link_libraries (libdishes PRIVATE dishes_role)
target_include_directories (libdishes INTERFACE $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>
                                                $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
set_target_properties (libdishes PROPERTIES OUTPUT_NAME dishes EXPORT_NAME dishes VERSION ${PROJECT_VERSION}
                                            SOVERSION ${PROJECT_VERSION_MAJOR})

set (package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/dishes)
install (TARGETS libdishes EXPORT dishesTargets LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}
         COMPONENT library NAMELINK_COMPONENT library)
install (FILES include/dishes.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT library)
install (EXPORT dishesTargets NAMESPACE dishes:: FILE dishesConfig.cmake DESTINATION ${package_dir}
         COMPONENT library)
write_basic_package_version_file (${PROJECT_BINARY_DIR}/dishesConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install (FILES ${PROJECT_BINARY_DIR}/dishesConfigVersion.cmake DESTINATION ${package_dir} COMPONENT library)
# Found from where it lies, so that --prefix may be said when it is installed.
file (RELATIVE_PATH up /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
configure_file (cmake/dishes.pc.in dishes.pc @ONLY)
install (FILES ${PROJECT_BINARY_DIR}/dishes.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT library)
